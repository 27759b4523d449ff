package operator_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/process/operator"
)

// serve answers at a socket whoever has the key.
func serve(t *testing.T, socket string, key operator.Key) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	door := httpdoor.New(key.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "done") //nolint:errcheck // the client says what came
	})), httpdoor.Places{}, slog.New(slog.DiscardHandler))
	go door.Serve(l) //nolint:errcheck // it ends with Close
	t.Cleanup(func() { door.Close() })
}

func makeKey(t *testing.T, socket string) operator.Key {
	t.Helper()
	key, err := operator.MakeKey(socket)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestWhoCanReadTheKeyIsServedAndWhoHasAnOldOneHearsWhy(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "monitor.sock")
	key := makeKey(t, socket)
	serve(t, socket, key)
	info, err := os.Stat(filepath.Join(filepath.Dir(socket), "monitor.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key is %v, %v", info, err)
	}
	c := operator.Client(socket)
	defer c.CloseIdleConnections()
	r, err := c.Post("http://anybody/do", "", nil)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", r, err)
	}
	r.Body.Close()
	if next := makeKey(t, socket); next == key {
		t.Error("the next key is the same")
	}
	if r, err := c.Get("http://anybody/do"); err == nil || !strings.Contains(err.Error(), "monitor.key") {
		t.Errorf("with another key: %v, %v", r, err)
	}
}

func TestWithoutTheKeyNothingIsServed(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "monitor.sock")
	serve(t, socket, makeKey(t, socket))
	c := &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) },
	}}
	for _, shown := range []string{"", "Bearer ", "Bearer x", "Basic x"} {
		r, err := http.NewRequest(http.MethodPost, "http://anybody/do", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", shown)
		a, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(a.Body)
		a.Body.Close()
		if err != nil || a.StatusCode != http.StatusUnauthorized || strings.Contains(string(text), "done") {
			t.Errorf("who shows %q is answered %s, %s, %v", shown, a.Status, text, err)
		}
	}
}

func TestAKeyIsShort(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "monitor.sock")
	serve(t, socket, makeKey(t, socket))
	if err := os.WriteFile(filepath.Join(filepath.Dir(socket), "monitor.key"), make([]byte, 129), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := operator.Client(socket).Get("http://anybody/do")
	if err == nil || !strings.Contains(err.Error(), "129 bytes") {
		t.Errorf("with a long one: %v, %v", r, err)
	}
}
