package overseer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/broker"
	"github.com/reevenet/reeve/internal/buswire"
	"github.com/reevenet/reeve/internal/grpcx"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Server is an overseer behind gRPC. Readers of all streams take turns at the core, each with a whole batch; a writer per stream
// takes what the core has for it. So one lock is held for a few microseconds per batch, and nothing slow happens under it.
type Server struct {
	overseerv1.UnimplementedOverseerServiceServer

	mu      sync.Mutex
	core    *Core
	ends    map[*broker.Instance]*attachment
	kills   map[*broker.Instance]bool
	log     *slog.Logger
	keep    Quarantine
	stop    chan struct{}
	stopped sync.WaitGroup
}

// Quarantine keeps the messages that ended two instances.
type Quarantine interface {
	Keep(env []byte, variant, cause string) error
}

// attachment is an instance's streams.
type attachment struct {
	instance *broker.Instance
	wake     [2]chan struct{} // by stream
	cancel   context.CancelFunc
	process  *os.Process // to end it when it hangs; nil when that isn't possible
	bulk     bool

	primary stream    // set once the welcome is on it
	writing bool      // somebody writes to it: it takes one writer at a time
	unheard int       // bytes written since the instance was last heard of
	spare   [2][]byte // by stream: the last batch's buffer, where the stream gave it back
}

// NewServer makes a server around a core; keep may be nil.
func NewServer(core *Core, keep Quarantine) *Server {
	s := &Server{core: core, ends: map[*broker.Instance]*attachment{}, kills: map[*broker.Instance]bool{}, log: core.log, keep: keep, stop: make(chan struct{})}
	s.stopped.Go(s.tick)
	return s
}

// Conclude tells all subsystems that the node is stopping.
func (s *Server) Conclude() {
	s.with(func(time.Time) { s.core.Conclude() })
}

// Close ends all streams and the watchdogs.
func (s *Server) Close() {
	close(s.stop)
	s.mu.Lock()
	for _, a := range s.ends {
		a.cancel()
	}
	s.mu.Unlock()
	s.stopped.Wait()
}

// with runs f on the core and sees that whoever has something to take gets it: at once by this goroutine where that can't
// block, by the stream's writer otherwise.
func (s *Server) with(f func(now time.Time)) {
	var quick [4]*attachment
	n := 0
	s.mu.Lock()
	f(time.Now())
	for _, i := range s.core.Broker.Woken() {
		a := s.ends[i]
		if a == nil {
			continue
		}
		primary, bulk := s.core.Broker.Ready(i)
		if bulk {
			a.nudge(broker.Bulk)
		}
		switch {
		case !primary:
		case n < len(quick) && a.claim():
			quick[n], n = a, n+1
		default:
			a.nudge(broker.Primary)
		}
	}
	events := s.core.Broker.Events()
	s.mu.Unlock()
	for _, a := range quick[:n] {
		s.writeQuick(a)
	}
	for _, e := range events {
		s.onEvent(e)
	}
}

func (a *attachment) nudge(stream int) {
	select {
	case a.wake[stream] <- struct{}{}:
	default:
	}
}

// quickBytes is how much may be written to an instance, since it was last heard of, by a goroutine that must not block. It is
// far less than a socket takes without waiting for its other end.
const quickBytes = 32 << 10

// claim takes the right to write to the primary stream, if nobody is writing and the instance keeps up. The lock is held.
func (a *attachment) claim() bool {
	if a.primary == nil || a.writing || a.unheard >= quickBytes {
		return false
	}
	a.writing = true
	return true
}

// writeQuick writes one small batch and gives the right back.
func (s *Server) writeQuick(a *attachment) {
	s.mu.Lock()
	b := s.take(a, broker.Primary, quickBytes-a.unheard)
	s.mu.Unlock()
	if b.Len() > 0 && a.primary.SendMsg(&b) != nil {
		a.cancel()
	}
	s.mu.Lock()
	a.writing = false
	a.keep(broker.Primary, a.primary, b)
	if more, _ := s.core.Broker.Ready(a.instance); more {
		a.nudge(broker.Primary)
	}
	s.mu.Unlock()
}

// keptBuffer is how large a buffer may be to be filled again; one that a large message needed is let go.
const keptBuffer = 256 << 10

// keep keeps a written batch's buffer for the next, if the stream is done with it. The lock is held.
func (a *attachment) keep(which int, stream stream, b buswire.Batch) {
	if _, done := stream.(carried); done && cap(b.Bytes) <= keptBuffer {
		a.spare[which] = b.Bytes[:0]
	}
}

func (s *Server) take(a *attachment, stream, limit int) (b buswire.Batch) {
	b.Bytes, a.spare[stream] = a.spare[stream], nil
	s.core.Broker.Take(time.Now(), a.instance, stream, &b, limit)
	if stream == broker.Primary {
		a.unheard += b.Len()
	}
	return b
}

// stream is what an attachment needs of a transport's stream; messages are batches.
type stream interface {
	Context() context.Context
	SendMsg(m any) error
	RecvMsg(m any) error
}

// Attach serves one stream of a grpc-go server.
func (s *Server) Attach(stream grpc.BidiStreamingServer[overseerv1.AttachRequest, overseerv1.AttachResponse]) error {
	return s.attach(stream)
}

func (s *Server) attach(stream stream) error {
	h, err := readHello(stream)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if h.BulkOfGeneration != 0 {
		return s.bulkStream(stream, h)
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	a := &attachment{wake: [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}, cancel: cancel, process: processOf(stream.Context(), h)}
	welcome, err := s.admit(a, h)
	if err != nil {
		return statusOf(err)
	}
	clean, cause := false, "the stream ended"
	defer func() { s.detach(a, clean, cause) }()
	if err := stream.SendMsg(welcome); err != nil {
		return err
	}
	s.mu.Lock()
	a.primary = stream
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
	case errors.Is(err, buswire.ErrMalformed):
		cause = err.Error()
		return status.Error(codes.InvalidArgument, cause)
	}
	return nil
}

func readHello(stream stream) (*overseerv1.Hello, error) {
	var b buswire.Batch
	if err := stream.RecvMsg(&b); err != nil {
		return nil, err
	}
	var h *overseerv1.Hello
	err := buswire.Frames(b.Bytes, func(tag buswire.Tag, body []byte) error {
		if tag != buswire.TagHello || h != nil {
			return errors.New("the first message on the stream is one hello and nothing else")
		}
		h = &overseerv1.Hello{}
		return proto.Unmarshal(body, h)
	})
	if err == nil && h == nil {
		err = errors.New("the first message on the stream is empty: it must be a hello")
	}
	return h, err
}

func (s *Server) admit(a *attachment, h *overseerv1.Hello) (welcome *buswire.Batch, err error) {
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
	welcome = &buswire.Batch{}
	welcome.Frame(buswire.TagAttached, b)
	return welcome, nil
}

func (s *Server) detach(a *attachment, clean bool, cause string) {
	s.with(func(now time.Time) {
		if s.kills[a.instance] {
			cause = "it hung and was ended"
			delete(s.kills, a.instance)
		}
		delete(s.ends, a.instance)
		s.core.Detach(now, a.instance, clean, cause)
	})
}

// read takes batches until the stream ends.
func (s *Server) read(ctx context.Context, stream stream, a *attachment) error {
	names := buswire.Names{}
	received := make(chan error, 1)
	go func() {
		for {
			var b buswire.Batch
			if err := stream.RecvMsg(&b); err != nil {
				received <- err
				return
			}
			var err error
			s.with(func(now time.Time) {
				a.unheard = 0
				err = s.core.Frames(now, a.instance, b.Bytes, names)
			})
			if err != nil {
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

// batchBytes is about how much is written at once.
const batchBytes = 64 << 10

// write sends what the core has for one stream of an instance, until the stream or the attachment ends.
func (s *Server) write(ctx context.Context, stream stream, a *attachment, which int) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake[which]:
		}
		for more := true; more; {
			s.mu.Lock()
			if which == broker.Primary && a.writing { // whoever writes looks again when it is done
				s.mu.Unlock()
				break
			}
			b := s.take(a, which, batchBytes)
			a.writing = a.writing || which == broker.Primary
			s.mu.Unlock()
			more = b.Len() > 0
			if more && stream.SendMsg(&b) != nil {
				return
			}
			s.mu.Lock()
			a.keep(which, stream, b)
			a.writing = a.writing && which != broker.Primary
			s.mu.Unlock()
		}
	}
}

// bulkStream serves the second stream of an instance that is attached already.
func (s *Server) bulkStream(stream stream, h *overseerv1.Hello) error {
	if err := s.core.checkToken(h); err != nil {
		return statusOf(err)
	}
	a := s.attachmentOf(h.Subsystem, h.BulkOfGeneration)
	if a == nil {
		return status.Error(codes.NotFound, "no instance of this generation is attached")
	}
	var welcome buswire.Batch
	welcome.Frame(buswire.TagAttached, nil)
	if err := stream.SendMsg(&welcome); err != nil {
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
	_ = s.read(ctx, stream, a)
	return nil
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

// tick drives the core's time.
func (s *Server) tick() {
	t := time.NewTicker(broker.TickEvery)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.with(s.core.Broker.Tick)
		}
	}
}

func (s *Server) onEvent(e broker.Event) {
	switch e.Kind {
	case broker.Kill:
		s.kill(e.Instance, e.Cause)
	case broker.Quarantined:
		s.log.Error("message quarantined", "variant", e.Variant, "from", e.Env.From, "cause", e.Cause)
		if s.keep == nil {
			return
		}
		if err := s.keep.Keep(buswire.AppendEnvelope(nil, e.Env), e.Variant, e.Cause); err != nil {
			s.log.Error("a quarantined message could not be kept", "why", err)
		}
	}
}

// kill ends an instance that hangs: its process when we may, its stream in any case. Whoever started it starts it again.
func (s *Server) kill(i *broker.Instance, cause string) {
	s.mu.Lock()
	a := s.ends[i]
	again := s.kills[i]
	if a != nil {
		s.kills[i] = true
	}
	s.mu.Unlock()
	if a == nil || again {
		return
	}
	s.log.Error("subsystem hangs", "subsystem", i.Subsystem, "instance", i.Name, "pid", i.Pid, "cause", cause)
	if a.process != nil {
		if err := a.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.log.Error("a hanging process could not be ended", "pid", i.Pid, "why", err)
		}
	}
	a.cancel()
}

// processOf is the process of an instance, when the kernel confirms that it is the one that speaks.
func processOf(ctx context.Context, h *overseerv1.Hello) *os.Process {
	info, ok := grpcx.PeerOf(ctx)
	if !ok || info.Pid == 0 || int64(info.Pid) != h.Pid || info.Pid == int32(os.Getpid()) {
		return nil
	}
	p, err := os.FindProcess(int(info.Pid))
	if err != nil {
		return nil
	}
	return p
}

func statusOf(err error) error {
	var a *AttachError
	if !errors.As(err, &a) {
		return status.Error(codes.Internal, err.Error())
	}
	switch a.Reason {
	case Unauthenticated:
		return status.Error(codes.Unauthenticated, a.Text)
	case Forbidden:
		return status.Error(codes.PermissionDenied, a.Text)
	case Incompatible:
		return status.Error(codes.FailedPrecondition, a.Text)
	}
	return status.Error(codes.InvalidArgument, a.Text)
}

// Status is a picture of the bus.
func (s *Server) Status() broker.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.core.Broker.Status()
}
