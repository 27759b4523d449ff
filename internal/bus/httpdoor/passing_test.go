package httpdoor

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/reevenet/reeve/internal/bus/accept/accepttest"
)

// strained is a street on which the next calls can't be taken, for the reasons given.
type strained struct {
	*street
	reasons []syscall.Errno
}

func (s *strained) Accept() (net.Conn, error) {
	if len(s.reasons) == 0 {
		return s.street.Accept()
	}
	reason := s.reasons[0]
	s.reasons = s.reasons[1:]
	return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", reason)}
}

// net/http waits out a lack of descriptors only. A lack of memory passes as well, and nobody looks at how a door ended.
func TestADoorStaysOpenWhateverPassesWhileItAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := &strained{newStreet(), []syscall.Errno{
			syscall.EMFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPROTO, syscall.EPERM}}
		d := New(http.NotFoundHandler(), Places{}, slog.New(slog.NewTextHandler(&log, nil)))
		served := make(chan error, 1)
		go func() { served <- d.Serve(s) }()
		select {
		case c := <-answered(t, s.street):
			if c != http.StatusNotFound {
				t.Errorf("who comes then is answered %d", c)
			}
		case err := <-served:
			t.Fatalf("the door has ended: %v", err)
		}
		d.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "could not be accepted"); n != 6 {
			t.Errorf("%d of 6 failures are logged:\n%s", n, log.String())
		}
	})
}

// Whoever opens a door in the background looks at no error.
func TestADoorWhoseListenerEndsByItselfSaysSo(t *testing.T) {
	var log strings.Builder
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := New(http.NotFoundHandler(), Places{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err := d.Serve(accepttest.Broken{Listener: l}); !errors.Is(err, syscall.EBADF) {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "nobody is let in any more"); n != 1 {
		t.Errorf("that is said %d times:\n%s", n, log.String())
	}
}

// answered is the status of the answer that a caller gets.
func answered(t *testing.T, s *street) <-chan int {
	status := make(chan int, 1)
	go func() {
		here, there := net.Pipe()
		select {
		case s.calls <- from{there, "192.0.2.1"}:
			status <- newCaller(t, here).get("/")
		case <-t.Context().Done():
		}
		here.Close()
	}()
	return status
}
