package rawsock_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/rawsock"
)

func pair(t *testing.T, network, address string) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err = net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return rawsock.Conn(a), rawsock.Conn(b)
}

func TestMoreThanTheKernelHoldsArrivesWhole(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = t.TempDir() + "/s"
		}
		a, b := pair(t, network, address)
		want := strings.Repeat("0123456789abcdef", 1<<20)
		go func() {
			_, _ = io.WriteString(a, want) // what is missing is seen below
			a.Close()
		}()
		got, err := io.ReadAll(b)
		if err != nil || string(got) != want {
			t.Errorf("%s: %d bytes of %d, %v", network, len(got), len(want), err)
		}
	}
}

func TestWhatIsWrittenNowIsAsMuchAsTheKernelTakes(t *testing.T) {
	a, b := pair(t, "unix", t.TempDir()+"/s")
	now, ok := a.(interface {
		WriteNow(a, b []byte) (int, error)
	})
	if !ok {
		t.Skip("not on this system")
	}
	head, tail := strings.Repeat("h", 1000), strings.Repeat("t", 8<<20)
	n, err := now.WriteNow([]byte(head), []byte(tail))
	if err != nil || n <= len(head) || n >= len(head)+len(tail) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if more, err := now.WriteNow([]byte(head), nil); more != 0 || err != nil {
		t.Fatalf("a full socket took %d bytes more, %v", more, err)
	}
	a.Close()
	if got, err := io.ReadAll(b); err != nil || string(got) != (head + tail)[:n] {
		t.Errorf("%d bytes came of %d, %v", len(got), n, err)
	}
}

func TestDeadlinesAndClosingHold(t *testing.T) {
	a, b := pair(t, "tcp", "127.0.0.1:0")
	if err := b.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read past its deadline: %v", err)
	}
	a.Close()
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write to a closed connection: %v", err)
	}
}
