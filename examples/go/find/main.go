// Finds an address as every etcd tutorial does: get the key, then watch it from the next revision.
//
//	find ENDPOINT KEY
//
// Prints the address now and after each change; an empty line when there is none. It is one that Ruby
// announced with EtcdDiscovery.register("/service/a", "10.1.1.60:8081").
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: find ENDPOINT KEY")
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: os.Args[1:2], DialTimeout: 5 * time.Second})
	check(err)
	defer client.Close()

	asked, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	now, err := client.Get(asked, os.Args[2])
	check(err)
	address := ""
	if len(now.Kvs) > 0 {
		address = string(now.Kvs[0].Value)
	}
	fmt.Println(address)
	for response := range client.Watch(asked, os.Args[2], clientv3.WithRev(now.Header.Revision+1)) {
		check(response.Err())
		for _, event := range response.Events {
			fmt.Println(string(event.Kv.Value)) // a deletion has none
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
