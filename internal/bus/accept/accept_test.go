package accept_test

import (
	"errors"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reevenet/reeve/internal/bus/accept"
	"github.com/reevenet/reeve/internal/bus/accept/accepttest"
)

// pipes is a listener that is called by the test.
type pipes struct{ calls chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p.calls; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error { close(p.calls); return nil }
func (pipes) Addr() net.Addr { return nil }

func TestWhatPassesIsWaitedOutWithGrowingPausesAndLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		calls := pipes{make(chan net.Conn, 1)}
		near, far := net.Pipe()
		calls.calls <- near
		defer far.Close()
		l := accept.Listener(accepttest.Exhausted(calls, 12), slog.New(slog.NewTextHandler(&log, nil)))
		began := time.Now()
		if c, err := l.Accept(); c != near || err != nil {
			t.Fatal(err)
		}
		// 5, 10, … 640 ms, and a second four times
		if waited := time.Since(began); waited != 1275*time.Millisecond+4*time.Second {
			t.Errorf("it waited %v", waited)
		}
		if n := strings.Count(log.String(), "too many open files"); n != 12 {
			t.Errorf("%d lines are logged of 12 errors", n)
		}
	})
}

func TestClosingEndsAnAcceptThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := pipes{make(chan net.Conn)}
		l := accept.Listener(accepttest.Exhausted(calls, 1<<30), slog.New(slog.DiscardHandler))
		ended := make(chan error, 1)
		go func() { _, err := l.Accept(); ended <- err }()
		time.Sleep(time.Minute)
		l.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestAListenerThatHasEndedSaysWhy(t *testing.T) {
	l := accept.Listener(accepttest.Broken{}, slog.New(slog.DiscardHandler))
	if _, err := l.Accept(); !errors.Is(err, syscall.EBADF) {
		t.Error(err)
	}
}
