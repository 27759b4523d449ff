package subsystem

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// dialer opens the two connections of an instance: bulk never shares the flow control of consensus.
type dialer struct {
	client     carrier.Client
	mu         sync.Mutex
	current    *grpcLink
	generation uint64     // of the last attachment
	verdict    chan error // that the overseer has given this instance up; the first is enough
}

func dial(opt Options) (*dialer, error) {
	kind, err := carrier.Parse(opt.Carrier)
	client := carrier.Client{Address: opt.Address, TLS: opt.TLS, Kind: kind}
	return &dialer{client: client, verdict: make(chan error, 1)}, err
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
	primary carrier.ClientStream
	bulk    carrier.ClientStream // nil: it could not be opened
	done    chan struct{}
}

// Write sends a batch on the stream of its kind.
func (k *grpcLink) Write(batch []byte, bulk bool) (free []byte, err error) {
	stream := k.primary
	if bulk && k.bulk != nil {
		stream = k.bulk
	}
	b := wire.Batch{Bytes: batch}
	err = stream.Send(&b)
	return b.Bytes, err
}

// open opens a stream, introduces the instance and waits for the welcome.
func (d *dialer) open(ctx context.Context, h *overseerv1.Hello) (carrier.ClientStream, *overseerv1.Attached, error) {
	stream, err := d.client.Dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	a, err := introduce(stream, h)
	if err != nil {
		stream.Close()
		return nil, nil, err
	}
	return stream, a, nil
}

func introduce(stream carrier.ClientStream, h *overseerv1.Hello) (*overseerv1.Attached, error) {
	b, err := proto.Marshal(h)
	if err != nil {
		return nil, err
	}
	var batch wire.Batch
	batch.Frame(wire.TagHello, b)
	sendErr := stream.Send(&batch)
	if err := stream.Recv(&batch); err != nil { // it says more than Send's error does
		return nil, err
	}
	if sendErr != nil {
		return nil, sendErr
	}
	a := &overseerv1.Attached{}
	err = wire.Frames(batch.Bytes, func(tag wire.Tag, body []byte) error {
		if tag != wire.TagAttached {
			return errors.New("the overseer's first frame is not its welcome")
		}
		return proto.Unmarshal(body, a)
	})
	return a, err
}

// attach opens the streams and reads until they end.
func (d *dialer) attach(ctx context.Context, m *driver.Machine, opt Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := m.Hello(opt.Token, opt.Instance, os.Getpid(), d.generation)
	primary, a, err := d.open(ctx, h)
	if err != nil {
		return err
	}
	defer primary.Close()
	d.generation = a.Generation
	link := &grpcLink{primary: primary, done: make(chan struct{})}
	defer close(link.done)
	d.mu.Lock()
	d.current = link
	d.mu.Unlock()
	d.openBulk(ctx, cancel, m, link, h, a.Generation)
	m.Attached(link, a)
	defer m.Detached(link)
	if opt.OnAttached != nil {
		opt.OnAttached()
	}
	go link.beat(ctx, m)
	return read(m, primary)
}

// openBulk adds the second stream, before anything is sent: what is sent on one lane stays on one stream, in order. Its
// end is the end of the attachment, since what was on its way on it is lost. A node in which nothing is bulk pays one
// idle connection for it.
func (d *dialer) openBulk(ctx context.Context, end func(), m *driver.Machine, link *grpcLink, h *overseerv1.Hello,
	generation uint64) {
	h = proto.CloneOf(h)
	h.BulkOfGeneration = generation
	stream, _, err := d.open(ctx, h)
	if err != nil {
		return
	}
	link.bulk = stream
	go func() {
		err := read(m, stream)
		stream.Close()
		end()
		if !refused(err) {
			return
		}
		select { // the other stream's reader may be who hangs, in the handler
		case d.verdict <- err:
		default:
		}
	}()
}

// read gives the machine what comes on a stream, until it ends.
func read(m *driver.Machine, stream carrier.ClientStream) error {
	r := m.Reader()
	for {
		batch := wire.Batch{Bytes: r.Buffer()}
		if err := stream.Recv(&batch); err != nil {
			return err
		}
		if err := r.Received(batch.Bytes); err != nil {
			return err
		}
	}
}

// beat sends a heartbeat each second, from outside the machine: it shows that the process is scheduled, and says how
// long the handler has been at its current message.
func (k *grpcLink) beat(ctx context.Context, m *driver.Machine) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h := m.Heartbeat()
		h.RssBytes = proc.Resident(os.Getpid())
		b, err := proto.Marshal(h)
		if err != nil {
			continue
		}
		var batch wire.Batch
		batch.Frame(wire.TagHeartbeat, b)
		if _, err := k.Write(batch.Bytes, false); err != nil {
			return
		}
	}
}
