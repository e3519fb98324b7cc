package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A client that holds the keys: it has listed them, and watches from there.
type holder struct {
	content  map[string][]byte
	revision atomic.Int64
	lock     sync.Mutex
	arrivals []int64 // the time of a put and of its arrival in turn, as long as `listening`
}

var listening atomic.Bool

// Holds the keys in several clients, each with its own connection, and answers each line with its pid.
func hold(first *clientv3.Client, endpoint, prefix string, count int) {
	holders := make([]*holder, count)
	for i := range holders {
		client := first
		if i > 0 {
			var err error
			client, err = clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second})
			check(err)
		}
		holders[i] = &holder{}
		holders[i].start(client, prefix)
	}
	fmt.Println(os.Getpid())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "reach":
			for _, each := range holders {
				each.reach(int64(number(words[1])))
			}
		case "listen":
			listening.Store(true)
		case "arrivals":
			holders[0].write(filepath.Join(words[1], strconv.Itoa(os.Getpid())))
		}
		fmt.Println(os.Getpid())
	}
}

func (h *holder) start(client *clientv3.Client, prefix string) {
	content, revision := list(client, prefix)
	h.content = content
	h.revision.Store(revision)
	events := client.Watch(context.Background(), prefix, clientv3.WithPrefix(), clientv3.WithRev(revision+1),
		clientv3.WithCreatedNotify())
	<-events
	go h.follow(events)
}

func (h *holder) follow(events clientv3.WatchChan) {
	for response := range events {
		check(response.Err())
		arrived := time.Now().UnixNano()
		for _, event := range response.Events {
			h.content[string(event.Kv.Key)] = event.Kv.Value
			if listening.Load() {
				h.note(event.Kv.Value, arrived)
			}
		}
		h.revision.Store(response.Header.Revision)
	}
}

// Notes the arrival of a value that starts with the time of its put.
func (h *holder) note(value []byte, arrived int64) {
	text, _, _ := strings.Cut(string(value), " ")
	if put, err := strconv.ParseInt(text, 10, 64); err == nil {
		h.lock.Lock()
		defer h.lock.Unlock()
		h.arrivals = append(h.arrivals, put, arrived)
	}
}

func (h *holder) reach(revision int64) {
	for h.revision.Load() < revision {
		time.Sleep(2 * time.Millisecond)
	}
}

func (h *holder) write(path string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	file, err := os.Create(path)
	check(err)
	check(binary.Write(file, binary.NativeEndian, h.arrivals))
	check(file.Close())
	h.arrivals = nil
}
