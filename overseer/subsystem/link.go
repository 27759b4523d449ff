package subsystem

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/buswire"
	"github.com/reevenet/reeve/internal/grpcx"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// dialer holds the two connections of an instance: bulk never shares the flow control of consensus.
type dialer struct {
	primary, bulk *grpc.ClientConn
	mu            sync.Mutex
	current       *grpcLink
	generation    uint64 // of the last attachment
}

// Buffers of a bus connection in bytes. The windows are larger than what credit lets be in flight, so that HTTP/2's flow
// control never holds what credit has let pass.
const (
	streamWindow = 32 << 20
	socketBuffer = 128 << 10
)

func dial(opt Options) (*dialer, error) {
	c := grpcx.Client{Options: []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(buswire.Codec{})),
		grpc.WithInitialWindowSize(streamWindow), grpc.WithInitialConnWindowSize(streamWindow),
		grpc.WithReadBufferSize(socketBuffer), grpc.WithWriteBufferSize(socketBuffer),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second}),
	}}
	if opt.TLS != nil {
		c.Creds = credentials.NewTLS(opt.TLS)
	}
	primary, err := c.Dial(opt.Address)
	if err != nil {
		return nil, fmt.Errorf("the overseer's address %q: %w", opt.Address, err)
	}
	bulk, err := c.Dial(opt.Address)
	if err != nil {
		return nil, err
	}
	return &dialer{primary: primary, bulk: bulk}, nil
}

func (d *dialer) close() {
	_ = d.primary.Close()
	_ = d.bulk.Close()
}

// drain waits, a moment at most, until what was written has left, since closing a connection drops what it still holds.
func (d *dialer) drain() {
	d.mu.Lock()
	link := d.current
	d.mu.Unlock()
	if link == nil {
		return
	}
	_ = link.primary.CloseSend()
	select {
	case <-link.done:
	case <-time.After(time.Second):
	}
}

// grpcLink is one attachment.
type grpcLink struct {
	primary grpc.ClientStream
	mu      sync.Mutex // SendMsg may not be called twice at once; the heartbeat is another goroutine
	bulk    grpc.ClientStream
	done    chan struct{}
}

// Write sends a batch on the stream of its kind. Until the bulk stream stands, bulk goes with the rest.
func (k *grpcLink) Write(b *buswire.Batch, bulk bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if bulk && k.bulk != nil {
		return k.bulk.SendMsg(b)
	}
	return k.primary.SendMsg(b)
}

var attachDesc = &grpc.StreamDesc{StreamName: "Attach", ServerStreams: true, ClientStreams: true}

func open(ctx context.Context, conn *grpc.ClientConn, h *overseerv1.Hello) (grpc.ClientStream, *overseerv1.Attached, error) {
	stream, err := conn.NewStream(ctx, attachDesc, overseerv1.OverseerService_Attach_FullMethodName)
	if err != nil {
		return nil, nil, err
	}
	b, err := proto.Marshal(h)
	if err != nil {
		return nil, nil, err
	}
	var batch buswire.Batch
	batch.Frame(buswire.TagHello, b)
	if err := stream.SendMsg(&batch); err != nil {
		return nil, nil, recvError(stream, err)
	}
	var welcome buswire.Batch
	if err := stream.RecvMsg(&welcome); err != nil {
		return nil, nil, err
	}
	a := &overseerv1.Attached{}
	err = buswire.Frames(welcome.Bytes, func(tag buswire.Tag, body []byte) error {
		if tag != buswire.TagAttached {
			return errors.New("the overseer's first frame is not its welcome")
		}
		return proto.Unmarshal(body, a)
	})
	return stream, a, err
}

// recvError is the status of a stream whose SendMsg failed: SendMsg itself only says EOF.
func recvError(stream grpc.ClientStream, err error) error {
	var b buswire.Batch
	if e := stream.RecvMsg(&b); e != nil {
		return e
	}
	return err
}

// attach opens the streams and reads until they end.
func (d *dialer) attach(ctx context.Context, l *loop, opt Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := l.hello(opt.Token, opt.Instance, os.Getpid(), d.generation)
	primary, a, err := open(ctx, d.primary, h)
	if err != nil {
		return err
	}
	d.generation = a.Generation
	link := &grpcLink{primary: primary, done: make(chan struct{})}
	defer close(link.done)
	d.mu.Lock()
	d.current = link
	d.mu.Unlock()
	l.post(func() { l.attached(link, a) })
	defer l.post(func() { l.detached(link) })
	if opt.OnAttached != nil {
		opt.OnAttached()
	}
	go d.openBulk(ctx, l, link, h, a.Generation)
	go link.beat(ctx, l)
	return link.read(l, primary)
}

// openBulk adds the second stream. A node in which nothing is bulk pays one idle connection for it.
func (d *dialer) openBulk(ctx context.Context, l *loop, link *grpcLink, h *overseerv1.Hello, generation uint64) {
	h = proto.CloneOf(h)
	h.BulkOfGeneration = generation
	stream, _, err := open(ctx, d.bulk, h)
	if err != nil {
		return
	}
	link.mu.Lock()
	link.bulk = stream
	link.mu.Unlock()
	_ = link.read(l, stream)
}

// inline is how many frames at most the reader handles itself before it reads on; more is left to the loop's own goroutine.
const inline = 8

func (k *grpcLink) read(l *loop, stream grpc.ClientStream) error {
	names := buswire.Names{}
	for {
		var b buswire.Batch
		if err := stream.RecvMsg(&b); err != nil {
			return err
		}
		n, err := l.receive(b.Bytes, names)
		if err != nil {
			return err
		}
		if n > inline || l.step(n+1) {
			l.kick()
		}
	}
}

// beat sends a heartbeat each second, from outside the loop: it shows that the process is scheduled, and says how long the handler
// has been at its current message.
func (k *grpcLink) beat(ctx context.Context, l *loop) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		b, err := proto.Marshal(l.heartbeat())
		if err != nil {
			continue
		}
		var batch buswire.Batch
		batch.Frame(buswire.TagHeartbeat, b)
		if k.Write(&batch, false) != nil {
			return
		}
	}
}

func (l *loop) heartbeat() *overseerv1.Heartbeat {
	l.inbox.mu.Lock()
	defer l.inbox.mu.Unlock()
	h := &overseerv1.Heartbeat{Waiting: uint64(l.inbox.waiting), RssBytes: residentBytes()}
	if !l.inbox.handled.IsZero() {
		h.HandlingMillis = uint64(max(0, time.Since(l.inbox.handled).Milliseconds()))
	}
	return h
}

// residentBytes is the process' resident memory, 0 where the system doesn't tell.
func residentBytes() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident uint64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0
	}
	return resident * uint64(os.Getpagesize())
}
