package gateway

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/descriptors"
)

// doorOf opens the node's door for clients with few places, and returns its address.
func doorOf(t *testing.T, n *node, p httpdoor.Places) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	over, end := context.WithCancel(context.Background())
	end()
	go func() { served <- Serve(ctx, over, l, New(n.config).Handler(), p, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// hold asks over a connection of its own, which stays, and returns the status of the answer.
func hold(t *testing.T, address, path string) int {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") == "" {
		t.Error("it isn't said when to try again")
	}
	return r.StatusCode
}

func TestIdleConnectionsDoNotCloseTheDoor(t *testing.T) {
	address := doorOf(t, newNode(t), httpdoor.Places{Connections: 8, OfAddress: 4, Requests: 4, RequestsOfAddress: 2})
	for i := range 50 {
		if got := hold(t, address, "/ext/info"); got != 200 {
			t.Fatalf("connection %d: %d", i, got)
		}
	}
}

func TestAClientThatHoldsAllItMayHearsSoAndHealthIsThereForEverybody(t *testing.T) {
	n := newNode(t)
	n.vm(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	address := doorOf(t, n, httpdoor.Places{Connections: 8, OfAddress: 8, Requests: 4, RequestsOfAddress: 3})
	for range 3 {
		if got := hold(t, address, "/ext/bc/kv/events"); got != 200 {
			t.Fatalf("within its share: %d", got)
		}
	}
	for path, want := range map[string]int{
		"/ext/bc/kv/events": 503, "/ext/chain/kv/block/1": 503, "/ext/metrics": 503,
		"/ext/health": 200, "/ext/health/liveness": 200, "/ext/health/readiness": 200, "/ext/info": 200,
	} {
		for range 20 {
			if got := hold(t, address, path); got != want {
				t.Errorf("%s: %d, want %d", path, got, want)
			}
		}
	}
}

func TestAStreamWithoutAPlaceIsRefusedInWordsAndShortAnswersAreNot(t *testing.T) {
	n := newNode(t)
	n.vm(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ext/bc/kv/events" {
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})
	address := doorOf(t, n, httpdoor.Places{Streams: 8, StreamsOfAddress: 1})
	for i, want := range []int{200, 503, 503} {
		if got := hold(t, address, "/ext/bc/kv/events"); got != want {
			t.Errorf("stream %d: %d", i, got)
		}
		if got := hold(t, address, "/ext/bc/kv/head"); got != 200 {
			t.Errorf("a short answer: %d", got)
		}
	}
}

func TestClientsHaveAsManyPlacesAsFileDescriptorsAllow(t *testing.T) {
	c, err := config.Schema{}.LoadFile("/nowhere/v1/config.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{128, 256, 1024, 4096, 1 << 20} {
		all := descriptors.Divide(limit).Clients
		p := ClientPlaces(c.HTTP, all)
		if p.Connections+p.Requests > all && limit > 128 || p.Connections > c.HTTP.Connections {
			t.Errorf("of %d descriptors clients get %+v, their part is %d", limit, p, all)
		}
		if p.OfAddress > p.Connections/2 || p.Requests >= p.Connections || p.RequestsOfAddress >= p.OfAddress ||
			p.RequestsOfAddress < 1 || p.StreamsOfAddress < 1 || p.Streams >= p.Requests {
			t.Errorf("of %d descriptors: %+v leaves nothing for others or for health", limit, p)
		}
	}
	if p := ClientPlaces(c.HTTP, 1<<20); p.Connections != 2048 || p.OfAddress != 512 {
		t.Errorf("with enough descriptors: %+v", p)
	}
}
