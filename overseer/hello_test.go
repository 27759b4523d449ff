package overseer

import (
	"context"
	"io"
	"log/slog"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
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

// cut is a stream of somebody who says hello, and then it breaks.
type cut struct {
	silence
	hello []byte
	said  bool
}

func (c *cut) Recv(b *wire.Batch) error {
	if c.said {
		return syscall.ECONNRESET
	}
	c.said = true
	b.Frame(wire.TagHello, c.hello)
	return nil
}

// What breaks is the end of the attachment, never of the loop: the instance may come again at once.
func TestAStreamThatBreaksEndsItsAttachmentAlone(t *testing.T) {
	core, err := New(Config{Epoch: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(core, nil)
	defer s.Close()
	hello, err := proto.Marshal(&overseerv1.Hello{Subsystem: "engine", ProtocolMin: 1, ProtocolMax: 1,
		Declaration: &overseerv1.Declaration{}})
	if err != nil {
		t.Fatal(err)
	}
	for times := range uint64(3) {
		_ = s.attach(&cut{silence: silence{t.Context()}, hello: hello})
		box := s.Status().Subsystems[0]
		if len(box.Instances) != 0 || box.Starts != int(times)+1 {
			t.Errorf("%d are attached, after %d starts", len(box.Instances), box.Starts)
		}
	}
}
