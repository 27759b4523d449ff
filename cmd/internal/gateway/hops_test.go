package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/bus/httpproxy"
)

// A listener that reads nothing holds a connection in the node's door, in the chain's host and in the plugin. All three
// end, and the VM's handler with them.
func TestAListenerWhoReadsNothingIsEndedOnEveryHop(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute of real time")
	}
	t.Parallel()
	n, quiet := newNode(t), slog.New(slog.DiscardHandler)
	inner := func(socket string, handler http.Handler) {
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		door := httpdoor.Inner(handler, quiet)
		served := make(chan error, 1)
		go func() { served <- door.Serve(l) }()
		t.Cleanup(func() {
			door.Close()
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
	}
	plugin, ended := filepath.Join(t.TempDir(), "plugin"), make(chan struct{})
	inner(plugin, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	inner(n.socket, httpproxy.New(plugin, httpproxy.Options{Inner: true, HeaderTimeout: time.Minute, Log: quiet}))
	address := doorOf(t, n, httpdoor.Places{})
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprint(c, "GET /ext/bc/kv/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	select {
	case <-ended:
	case <-time.After(4 * httpdoor.WriteTimeout):
		t.Error("the VM's handler still writes for a listener that has read nothing")
	}
}
