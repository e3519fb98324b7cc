// Announces an address as every etcd tutorial does: one plain key under a lease that is kept alive.
//
//	announce ENDPOINT KEY ADDRESS [TTL]
//
// Ruby finds it with EtcdDiscovery["/service/a"], or EtcdDiscovery.service("/service/a").
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func main() {
	if len(os.Args) < 4 {
		log.Fatal("usage: announce ENDPOINT KEY ADDRESS [TTL]")
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: os.Args[1:2], DialTimeout: 5 * time.Second})
	check(err)
	defer client.Close()

	asked, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	lease, err := client.Grant(asked, ttl())
	check(err)
	_, err = client.Put(asked, os.Args[2], os.Args[3], clientv3.WithLease(lease.ID))
	check(err)
	alive, err := client.KeepAlive(asked, lease.ID)
	check(err)
	fmt.Println("announced")
	for range alive {
		// Each is the answer to a heartbeat. The channel ends with the lease, or when we are asked to stop.
	}
	_, err = client.Revoke(context.Background(), lease.ID)
	check(err)
}

func ttl() int64 {
	if len(os.Args) < 5 {
		return 10
	}
	seconds, err := strconv.ParseInt(os.Args[4], 10, 64)
	check(err)
	return seconds
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
