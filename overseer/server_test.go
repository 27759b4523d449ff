package overseer_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// bus is a real overseer on a real socket.
type bus struct {
	t       testing.TB
	addr    string
	server  *overseer.Server
	running sync.WaitGroup
	cfg     overseer.Config
	epoch   uint64
	kill    func()
	token   []byte // of the subsystems that run attaches
	blobs   string // likewise
	over    carriers
}

// carriers are what the two ends of a bus read and write their streams with.
type carriers struct{ server, client carrier.Kind }

// overEveryCarrier tells a story once with each pair of carriers, which speak the same on the wire. The simplest pair
// goes first.
func overEveryCarrier(t *testing.T, story func(t *testing.T, c carriers)) {
	for _, server := range []carrier.Kind{carrier.Fast, carrier.GRPC} {
		for _, client := range []carrier.Kind{carrier.Fast, carrier.GRPC} {
			t.Run(fmt.Sprintf("%s server and %s client", server, client),
				func(t *testing.T) { story(t, carriers{server, client}) })
		}
	}
}

// startBus starts one over the carrier that is chosen for this run of the tests.
func startBus(t testing.TB, cfg overseer.Config) *bus {
	t.Helper()
	kind, err := carrier.Parse("")
	if err != nil {
		t.Fatal(err)
	}
	return startBusOver(t, carriers{kind, kind}, cfg)
}

func startBusOver(t testing.TB, c carriers, cfg overseer.Config) *bus {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b := &bus{t: t, over: c, addr: filepath.Join(t.TempDir(), "bus.sock"), cfg: cfg, epoch: cfg.Epoch}
	t.Cleanup(b.running.Wait) // after all that follows has ended
	b.kill = b.serve(cfg)
	return b
}

// restart kills the overseer and starts the next one.
func (b *bus) restart() {
	b.t.Helper()
	b.kill()
	b.epoch++
	b.cfg.Epoch = b.epoch
	b.kill = b.serve(b.cfg)
}

// serve starts an overseer; the returned function kills it.
func (b *bus) serve(cfg overseer.Config) (kill func()) {
	b.t.Helper()
	core, err := overseer.New(cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	server := overseer.NewServer(core, nil)
	g := server.Listen(grpcx.Server{Log: cfg.Log}, b.over.server)
	lis, err := net.Listen("unix", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	served := make(chan struct{})
	b.running.Go(func() {
		defer close(served) // the socket's name is free again
		_ = g.Serve(lis)
	})
	var once sync.Once
	kill = func() { once.Do(func() { g.Stop(); server.Close(); <-served }) }
	b.server = server
	b.t.Cleanup(kill)
	return kill
}

// run attaches a subsystem until the test ends or stop is called.
func (b *bus) run(spec subsystem.Spec) (stop func() error) {
	b.t.Helper()
	return b.runFor("", spec)
}

// runToItsEnd runs a subsystem that nobody stops, and returns when it is attached.
func (b *bus) runToItsEnd(spec subsystem.Spec) (ended chan error) {
	b.t.Helper()
	ended, attached := make(chan error, 1), make(chan struct{}, 16)
	go func() {
		ended <- subsystem.Run(context.Background(), spec, subsystem.Options{
			Address: "unix:" + b.addr, Carrier: string(b.over.client), Token: b.token,
			Log: slog.New(slog.DiscardHandler), OnAttached: func() { attached <- struct{}{} }})
	}()
	select {
	case <-attached:
	case err := <-ended:
		b.t.Fatalf("%s: %v", spec.Name, err)
	}
	return ended
}

// runFor is run for the instance that serves a chain.
func (b *bus) runFor(chain string, spec subsystem.Spec) (stop func() error) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	attached := make(chan struct{}, 16)
	go func() {
		ended <- subsystem.Run(ctx, spec, subsystem.Options{
			Address: "unix:" + b.addr, Carrier: string(b.over.client), Token: b.token, Blobs: b.blobs,
			Chain: chain, Log: slog.New(slog.DiscardHandler), OnAttached: func() { attached <- struct{}{} },
		})
	}()
	select {
	case <-attached:
	case err := <-ended:
		b.t.Fatalf("%s: %v", spec.Name, err)
	case <-time.After(10 * time.Second):
		b.t.Fatalf("%s was not attached", spec.Name)
	}
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	b.t.Cleanup(func() { _ = stop() })
	return stop
}

// funcs is a handler made of functions.
type funcs struct {
	signal func(*overseerv1.Signal)
	handle func(*subsystem.Message)
}

func (f funcs) Signal(s *overseerv1.Signal) {
	if f.signal != nil {
		f.signal(s)
	}
}
func (f funcs) Handle(m *subsystem.Message) { f.handle(m) }

// store answers every query for a chunk with the validator's index, and counts what is told to it one-way.
func store(class subsystem.Class, handle func(*subsystem.Message)) subsystem.Spec {
	return subsystem.Spec{Name: "availability-store", Class: class,
		New: func(*subsystem.Sub) (subsystem.Handler, error) { return funcs{handle: handle}, nil }}
}

func echo(m *subsystem.Message) {
	if _, ok := m.Body.(*availabilitystorev1.QueryDataAvailability); ok {
		m.Reply(&availabilitystorev1.QueryDataAvailabilityResponse{})
		return
	}
	m.Unknown()
}

// asker is a subsystem that lets a test ask from outside.
type asker struct{ sub *subsystem.Sub }

func (b *bus) asker() *asker {
	b.t.Helper()
	a := &asker{}
	ready := make(chan struct{})
	b.run(subsystem.Spec{
		Name: "bitfield-signing", Asks: []proto.Message{&availabilitystorev1.QueryDataAvailability{},
			&overseerv1.WaitForActivation{}},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			a.sub = sub
			close(ready)
			return funcs{handle: func(m *subsystem.Message) { m.Unknown() }}, nil
		},
	})
	<-ready
	return a
}

// ask asks and waits for the end.
func (a *asker) ask(timeout time.Duration) error {
	done := make(chan error, 1)
	a.sub.Post(func() {
		subsystem.Ask(a.sub, &availabilitystorev1.QueryDataAvailability{Candidate: make([]byte, 32)}, timeout,
			func(_ *availabilitystorev1.QueryDataAvailabilityResponse, err error) { done <- err })
	})
	return <-done
}

func TestAnAskGoesThroughTheOverseerAndBack(t *testing.T) {
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		b := startBusOver(t, c, overseer.Config{Epoch: 1})
		b.run(store(subsystem.Single, echo))
		a := b.asker()
		for range 100 {
			if err := a.ask(5 * time.Second); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAStoppedSubsystemSaysGoodbye(t *testing.T) {
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		b := startBusOver(t, c, overseer.Config{Epoch: 1})
		stop := b.run(store(subsystem.Single, echo))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		for _, s := range b.server.Status().Subsystems {
			if s.Name == "availability-store" && (len(s.Instances) != 0 || s.LastCause != "it finished") {
				t.Errorf("%+v", s)
			}
		}
	})
}

func BenchmarkAskInOneProcess(b *testing.B) {
	bus := startBus(b, overseer.Config{Epoch: 1})
	bus.run(store(subsystem.Single, echo))
	a := bus.asker()
	b.ResetTimer()
	for range b.N {
		if err := a.ask(5 * time.Second); err != nil {
			b.Fatal(err)
		}
	}
}
