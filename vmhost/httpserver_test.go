package vmhost

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/accept/accepttest"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// proxied is a proxy with a plugin's HTTP server behind it.
func proxied(t *testing.T, plugin http.Handler) (p *httpServer, dial func() net.Conn) {
	dir := t.TempDir()
	front, back := filepath.Join(dir, "front"), filepath.Join(dir, "back")
	p, err := listenHTTP(front, "kv", slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	l, err := net.Listen("unix", back)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: plugin}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	p.serve(&pluginv1.CreateHandlersResponse{Socket: back, Token: "secret"}, nil)
	return p, func() net.Conn {
		conn, err := net.Dial("unix", front)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

func ask4(t *testing.T, conn net.Conn, request string) (*http.Response, *bufio.Reader) {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer, r
}

const get = "GET /ext/bc/kv/x?y=1 HTTP/1.1\r\nHost: node\r\n\r\n"

func TestAStreamArrivesAsItIsWritten(t *testing.T) {
	next := make(chan string)
	_, dial := proxied(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(vmsdk.TokenHeader) != "secret" || r.URL.Path != "/ext/bc/kv/x" || r.URL.RawQuery != "y=1" {
			t.Errorf("the plugin sees %s %v", r.URL, r.Header)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for text := range next {
			fmt.Fprintf(w, "data: %s\n\n", text)
			http.NewResponseController(w).Flush()
		}
	}))
	conn := dial()
	go func() { next <- "one" }()
	answer, _ := ask4(t, conn, get)
	body := bufio.NewReader(answer.Body)
	for _, text := range []string{"one", "two"} {
		if text != "one" {
			next <- text
		}
		line, err := body.ReadString('\n')
		if err != nil || line != "data: "+text+"\n" {
			t.Fatalf("%q, %v", line, err)
		}
		body.ReadString('\n')
	}
	close(next)
}

func TestAnUpgradedConnectionIsPassedOnBothWays(t *testing.T) {
	_, dial := proxied(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(conn, strings.ToUpper(line))
		}
	}))
	conn := dial()
	answer, r := ask4(t, conn,
		strings.Replace(get, "\r\n\r\n", "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 1))
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v", answer.Status)
	}
	for _, word := range []string{"hello", "again"} {
		io.WriteString(conn, word+"\n")
		if line, err := r.ReadString('\n'); err != nil || line != strings.ToUpper(word)+"\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
}

func TestWithoutAPluginTheReasonIsSaid(t *testing.T) {
	p, dial := proxied(t, http.NotFoundHandler())
	p.down()
	p.explain("it was killed")
	answer, _ := ask4(t, dial(), get)
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" ||
		!strings.Contains(string(body), "it was killed") {
		t.Errorf("%s %v %s", answer.Status, answer.Header, body)
	}
	answer, _ = ask4(t, dial(), "GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n")
	body, _ = io.ReadAll(answer.Body)
	if answer.StatusCode != 200 || !strings.Contains(string(body), `reeve_vm_up{chain="kv"} 0`) {
		t.Errorf("metrics: %s %s", answer.Status, body)
	}
}

// A listener of ours that has ended leaves its file: the check of the file alone would miss it.
func TestAChainsDoorWhoseListenerHasEndedIsOpenedAgain(t *testing.T) {
	p, dial := proxied(t, http.NotFoundHandler())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.answer(accepttest.Broken{Listener: l})
	<-p.ended
	if cause := p.keep(); cause != "" {
		t.Fatal(cause)
	}
	if a, _ := ask4(t, dial(), get); a.StatusCode != http.StatusNotFound {
		t.Errorf("it answers %s", a.Status)
	}
	select {
	case <-p.ended:
		t.Error("it has ended again")
	default:
	}
}
