package overseer

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// attachment is an instance's streams.
type attachment struct {
	instance *broker.Instance
	wake     [2]chan struct{} // by stream
	ended    <-chan struct{}
	cancel   context.CancelFunc // ends it, with its streams
	process  *os.Process        // to end it when it hangs; nil when that isn't possible
	bulk     bool
	hung     string // why it was ended as one that hangs; empty: it wasn't

	primary carrier.Stream // set once the welcome is on it
	quick   carrier.Trier  // likewise, if it is one
	writing bool           // somebody writes to it: it takes one writer at a time
	spare   [2][]byte      // by stream: the last batch's buffer, where the stream gave it back
}

// attach serves one stream, primary or bulk.
func (s *Server) attach(stream carrier.Stream) error {
	h, err := s.meet(stream)
	if err != nil {
		return err
	}
	if h.BulkOfGeneration != 0 {
		return s.bulkStream(stream, h)
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	a := &attachment{wake: [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)},
		ended: ctx.Done(), cancel: cancel, process: processOf(stream.Context(), h)}
	welcome, err := s.admit(a, h)
	if err != nil {
		return statusOf(err)
	}
	carrier.Admit(stream.Context())
	clean, cause := false, "the stream ended"
	defer func() { s.detach(a, clean, cause) }()
	if err := stream.Send(welcome); err != nil {
		return err
	}
	s.mu.Lock()
	a.primary = stream
	a.quick, _ = stream.(carrier.Trier)
	s.mu.Unlock()
	a.nudge(broker.Primary)
	go func() {
		s.write(ctx, stream, a, broker.Primary)
		cancel()
	}()
	err = s.read(ctx, stream, a)
	switch {
	case errors.Is(err, ErrGoodbye):
		clean, cause = true, "it finished"
		return nil
	case errors.Is(err, wire.ErrMalformed):
		cause = err.Error()
		return status.Error(codes.InvalidArgument, cause)
	}
	return s.verdict(a)
}

// verdict tells an instance that it was ended as one that hangs. Where its process can't be ended from here, as in a
// container of its own, what still turns in it ends it.
func (s *Server) verdict(a *attachment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.hung == "" {
		return nil
	}
	return status.Errorf(codes.FailedPrecondition, "it hangs (%s), and has to be started again", a.hung)
}

func (s *Server) admit(a *attachment, h *overseerv1.Hello) (welcome *wire.Batch, err error) {
	var attached *overseerv1.Attached
	s.with(func(now time.Time) {
		if a.instance, attached, err = s.core.Attach(now, h); err == nil {
			s.ends[a.instance] = a
		}
	})
	if err != nil {
		return nil, err
	}
	b, err := proto.Marshal(attached)
	if err != nil {
		return nil, err
	}
	welcome = &wire.Batch{}
	welcome.Frame(wire.TagAttached, b)
	return welcome, nil
}

func (s *Server) detach(a *attachment, clean bool, cause string) {
	s.with(func(now time.Time) {
		if a.hung != "" {
			cause = "it hung and was ended"
		}
		delete(s.ends, a.instance)
		s.core.Detach(now, a.instance, clean, cause)
	})
}

// read takes batches until the stream ends.
func (s *Server) read(ctx context.Context, stream carrier.Stream, a *attachment) error {
	names := wire.Names{}
	received := make(chan error, 1)
	go func() {
		var spare wire.Spare
		for {
			if err := s.readOne(stream, a, &spare, names); err != nil {
				received <- err
				return
			}
		}
	}()
	select {
	case err := <-received:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readOne takes one batch, in memory that nothing that waits lies in.
func (s *Server) readOne(stream carrier.Stream, a *attachment, spare *wire.Spare, names wire.Names) (err error) {
	s.mu.Lock()
	memory := spare.Take()
	s.mu.Unlock()
	batch := wire.Batch{Bytes: memory.Bytes}
	if err := stream.Recv(&batch); err != nil {
		return err
	}
	memory.Bytes = batch.Bytes
	s.with(func(now time.Time) {
		a.instance.Reading = memory
		err = s.core.Frames(now, a.instance, memory.Bytes, names)
		memory.Release()
	})
	return err
}

// bulkStream serves the second stream of an instance that is attached already.
func (s *Server) bulkStream(stream carrier.Stream, h *overseerv1.Hello) error {
	if err := s.core.checkToken(h); err != nil {
		return statusOf(err)
	}
	a := s.attachmentOf(h.Subsystem, h.BulkOfGeneration)
	if a == nil {
		return status.Error(codes.NotFound, "no instance of this generation is attached")
	}
	carrier.Admit(stream.Context())
	var welcome wire.Batch
	welcome.Frame(wire.TagAttached, nil)
	if err := stream.Send(&welcome); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer a.cancel() // what was on its way on this stream is lost: all begins again
	s.with(func(time.Time) { s.core.Broker.BulkStream(a.instance) })
	go func() {
		s.write(ctx, stream, a, broker.Bulk)
		cancel()
	}()
	go func() {
		select {
		case <-a.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = s.read(ctx, stream, a)
	return s.verdict(a)
}

func (s *Server) attachmentOf(subsystem string, generation uint64) *attachment {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range s.ends {
		if i.Generation == generation && i.Subsystem == subsystem && !a.bulk {
			a.bulk = true
			return a
		}
	}
	return nil
}
