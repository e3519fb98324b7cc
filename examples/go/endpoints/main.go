// Announces and finds instances with naming/endpoints of etcd's own Go client, which its gRPC resolver uses.
//
//	endpoints add ENDPOINT TARGET ID ADDRESS [ZONE]   until it is asked to stop
//	endpoints list ENDPOINT TARGET                    a line of JSON for each instance
//	endpoints watch ENDPOINT TARGET                   a line of JSON for each update
//
// In Ruby the target is the service: EtcdDiscovery.register("/service/b", …, format: :endpoints) and
// EtcdDiscovery.service("/service/b").
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
)

const ttl = 10

type instance struct {
	Key      string
	Addr     string
	Metadata any
	Gone     bool `json:",omitempty"`
}

func main() {
	if len(os.Args) < 4 {
		log.Fatal("usage: endpoints add|list|watch ENDPOINT TARGET [ID ADDRESS [ZONE]]")
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: os.Args[2:3], DialTimeout: 5 * time.Second})
	check(err)
	defer client.Close()
	manager, err := endpoints.NewManager(client, os.Args[3])
	check(err)

	asked, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch os.Args[1] {
	case "add":
		add(asked, client, manager)
	case "list":
		list(asked, manager)
	case "watch":
		watch(asked, manager)
	default:
		log.Fatal("endpoints: no such command: ", os.Args[1])
	}
}

func add(asked context.Context, client *clientv3.Client, manager endpoints.Manager) {
	if len(os.Args) < 6 {
		log.Fatal("usage: endpoints add ENDPOINT TARGET ID ADDRESS [ZONE]")
	}
	endpoint := endpoints.Endpoint{Addr: os.Args[5]}
	if len(os.Args) > 6 {
		endpoint.Metadata = map[string]any{"zone": os.Args[6]}
	}
	lease, err := client.Grant(asked, ttl)
	check(err)
	key := os.Args[3] + "/" + os.Args[4]
	check(manager.AddEndpoint(asked, key, endpoint, clientv3.WithLease(lease.ID)))
	alive, err := client.KeepAlive(asked, lease.ID)
	check(err)
	fmt.Println("announced")
	for range alive {
		// Each is the answer to a heartbeat.
	}
	_, err = client.Revoke(context.Background(), lease.ID)
	check(err)
}

func list(asked context.Context, manager endpoints.Manager) {
	found, err := manager.List(asked)
	check(err)
	for key, endpoint := range found {
		show(instance{Key: key, Addr: endpoint.Addr, Metadata: endpoint.Metadata})
	}
}

func watch(asked context.Context, manager endpoints.Manager) {
	updates, err := manager.NewWatchChannel(asked)
	check(err)
	for batch := range updates {
		for _, update := range batch {
			show(instance{Key: update.Key, Addr: update.Endpoint.Addr, Metadata: update.Endpoint.Metadata,
				Gone: update.Op == endpoints.Delete})
		}
	}
}

func show(instance instance) {
	check(json.NewEncoder(os.Stdout).Encode(instance))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
