// Does the work of etcd_discovery with etcd's own Go client, for comparison.
//
//	peer load ENDPOINT PREFIX          reads all keys, in pages, into a map
//	peer get ENDPOINT KEY COUNT        reads one key COUNT times
//	peer watch ENDPOINT PREFIX COUNT   applies COUNT events to a map
//	peer follow ENDPOINT PREFIX COUNT  the same, with a map of all keys, loaded before
//	peer hold ENDPOINT PREFIX COUNT    holds all keys in COUNT clients, and answers lines; see hold.go
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const pageSize = 5000

func main() {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{os.Args[2]}, DialTimeout: 5 * time.Second})
	check(err)
	defer client.Close()
	switch os.Args[1] {
	case "load":
		load(client, os.Args[3])
	case "get":
		get(client, os.Args[3], number(os.Args[4]))
	case "watch":
		watch(client, os.Args[3], number(os.Args[4]), map[string][]byte{})
	case "follow":
		content, _ := read(client, os.Args[3])
		runtime.GC()
		watch(client, os.Args[3], number(os.Args[4]), content)
	case "hold":
		hold(client, os.Args[2], os.Args[3], number(os.Args[4]))
	}
}

func number(text string) int {
	number, err := strconv.Atoi(text)
	check(err)
	return number
}

func get(client *clientv3.Client, key string, count int) {
	once := func() {
		_, err := client.Get(context.Background(), key)
		check(err)
	}
	once()
	started := time.Now()
	for range count {
		once()
	}
	report(map[string]any{"nanoseconds": float64(time.Since(started).Nanoseconds()) / float64(count)})
}

func load(client *clientv3.Client, prefix string) {
	base := memoryKiB("VmRSS:")
	content, elapsed := read(client, prefix)
	peak := memoryKiB("VmHWM:")
	runtime.GC()
	debug.FreeOSMemory()
	report(map[string]any{"ms": elapsed.Seconds() * 1e3, "keys": len(content), "peak_kib": peak - base,
		"kib": memoryKiB("VmRSS:") - base})
	runtime.KeepAlive(content)
}

func read(client *clientv3.Client, prefix string) (map[string][]byte, time.Duration) {
	started := time.Now()
	content, _ := list(client, prefix)
	return content, time.Since(started)
}

// All keys, in pages, at one revision.
func list(client *clientv3.Client, prefix string) (map[string][]byte, int64) {
	content := map[string][]byte{}
	end := clientv3.GetPrefixRangeEnd(prefix)
	revision := int64(0)
	for key := prefix; ; {
		page, err := client.Get(context.Background(), key, clientv3.WithRange(end),
			clientv3.WithLimit(pageSize), clientv3.WithRev(revision))
		check(err)
		revision = page.Header.Revision
		for _, kv := range page.Kvs {
			content[string(kv.Key)] = kv.Value
		}
		if !page.More {
			return content, revision
		}
		key = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}

// Values that are times (nanoseconds since 1970) are reported as latencies.
func watch(client *clientv3.Client, prefix string, count int, content map[string][]byte) {
	latencies := make([]float64, 0, count)
	events := client.Watch(context.Background(), prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	<-events
	fmt.Println("ready")
	before := cpu()
	var first, last time.Time
	for seen := 0; seen < count; {
		response := <-events
		check(response.Err())
		last = time.Now()
		if first.IsZero() {
			first = last
		}
		for _, event := range response.Events {
			content[string(event.Kv.Key)] = event.Kv.Value
			if sent, err := strconv.ParseInt(string(event.Kv.Value), 10, 64); err == nil {
				latencies = append(latencies, float64(last.UnixNano()-sent)/1e3)
			}
			seen++
		}
	}
	report(map[string]any{"latencies": latencies, "cpu": cpu() - before, "seconds": last.Sub(first).Seconds()})
}

func cpu() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func memoryKiB(field string) int {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	for _, line := range strings.Split(string(status), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == field {
			return number(fields[1])
		}
	}
	return 0
}

func report(figures map[string]any) {
	check(json.NewEncoder(os.Stdout).Encode(figures))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
