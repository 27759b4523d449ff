package overseer

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// silence is a stream that somebody has opened and says nothing on, until it breaks.
type silence struct{ broken context.Context }

func (s silence) Context() context.Context { return s.broken }
func (silence) Send(*wire.Batch) error     { return nil }
func (s silence) Recv(*wire.Batch) error {
	<-s.broken.Done()
	return io.ErrUnexpectedEOF
}

func TestWhoDoesNotSayHelloIsHungUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, err := New(Config{Epoch: 1, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		s := NewServer(core, nil)
		defer s.Close()
		quiet := silence{t.Context()}
		began := time.Now()
		hungUp := make(chan error, maxStrangers)
		attach := func() { hungUp <- s.attach(quiet) }
		for range maxStrangers {
			go attach()
		}
		synctest.Wait()
		go attach() // the one that was silent for longest makes room
		if err := <-hungUp; status.Code(err) != codes.ResourceExhausted || time.Since(began) != 0 {
			t.Errorf("the first stranger got %v after %v", err, time.Since(began))
		}
		for range maxStrangers {
			if err := <-hungUp; status.Code(err) != codes.DeadlineExceeded || time.Since(began) != helloLimit {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
		if n := len(s.strangers.places); n != 0 {
			t.Errorf("%d places are taken", n)
		}
	})
}
