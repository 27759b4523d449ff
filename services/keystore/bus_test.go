package keystore_test

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
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	"github.com/reevenet/reeve/services/keystore"
)

// bus is a real overseer on a socket, with a keystore attached and an engine that the test speaks through.
type bus struct {
	t      testing.TB
	addr   string
	server *overseer.Server
	engine *subsystem.Sub
	// endEngine ends it.
	endEngine func()
}

// number asks the keystore how it is, and returns one field of what it says.
func (b *bus) number(name string) int64 {
	b.t.Helper()
	r, err := b.server.Report(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, said := range r.Said {
		for _, f := range said.GetFields() {
			if f.GetName() == name {
				return f.GetNumber()
			}
		}
	}
	b.t.Fatalf("nobody says how many %s", name)
	return 0
}

func startBus(t testing.TB, cfg keystore.Config) *bus {
	t.Helper()
	b := &bus{t: t, addr: filepath.Join(t.TempDir(), "bus.sock")}
	quiet := slog.New(slog.DiscardHandler)
	core, err := overseer.New(overseer.Config{Epoch: 1, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	kind, err := carrier.Parse("")
	if err != nil {
		t.Fatal(err)
	}
	server := overseer.NewServer(core, nil)
	b.server = server
	g := server.Listen(grpcx.Server{Log: quiet}, kind)
	lis, err := net.Listen("unix", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = g.Serve(lis) })
	t.Cleanup(func() { g.Stop(); server.Close(); serving.Wait() })

	b.attach(keystore.Spec(cfg))
	b.startEngine()
	<-ask[*keystorev1.PublicKeysResponse](b, &keystorev1.PublicKeys{}) // the log is open
	return b
}

// startEngine attaches an engine for the test to speak through.
func (b *bus) startEngine() {
	ready := make(chan struct{})
	b.endEngine = b.attach(subsystem.Spec{
		Name: "engine",
		Asks: []proto.Message{
			&keystorev1.SignBlock{}, &keystorev1.SignVote{}, &keystorev1.QueryVotes{}, &keystorev1.PublicKeys{},
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			b.engine = sub
			close(ready)
			return silent{}, nil
		},
	})
	<-ready
}

type silent struct{}

func (silent) Signal(*overseerv1.Signal)   {}
func (silent) Handle(m *subsystem.Message) { m.Unknown() }

// attach runs a subsystem until the test ends, or until end is called.
func (b *bus) attach(spec subsystem.Spec) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	attached := make(chan struct{}, 1)
	var running sync.WaitGroup
	running.Go(func() {
		_ = subsystem.Run(ctx, spec, subsystem.Options{
			Address: "unix:" + b.addr, Log: slog.New(slog.DiscardHandler),
			OnAttached: func() { attached <- struct{}{} },
		})
	})
	end = func() { cancel(); running.Wait() }
	b.t.Cleanup(end)
	<-attached
	return end
}

// ask asks from the engine; the answer, which must be no failure, comes on the channel.
func ask[R proto.Message](b *bus, req proto.Message) <-chan R {
	answer := make(chan R, 1)
	b.engine.Post(func() {
		subsystem.Ask(b.engine, req, 30*time.Second, func(r R, err error) {
			if err != nil {
				b.t.Errorf("%T: %v", req, err)
			}
			answer <- r
		})
	})
	return answer
}

// holdSync stops the next sync of the disk: started is closed when it is under way, and release lets it go on.
func (m *machine) holdSync() (started <-chan struct{}, release func()) {
	begun, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	m.disk.SetFault(func(op simdisk.Op) error {
		if op.Kind == simdisk.Sync {
			once.Do(func() { close(begun); <-gate })
		}
		return nil
	})
	return begun, func() { close(gate) }
}

// While the first request is being made durable the others arrive; they share the next sync.
func TestWhatWaitsForTheDiskIsMadeDurableTogether(t *testing.T) {
	m := newMachine(t)
	b := startBus(t, m.config())
	signed, commits := b.number("signed"), b.number("commits")

	started, release := m.holdSync()
	answers := []<-chan *keystorev1.SignBlockResponse{ask[*keystorev1.SignBlockResponse](b, blockAt(0, 1))}
	<-started
	for h := range uint64(100) {
		answers = append(answers, ask[*keystorev1.SignBlockResponse](b, blockAt(h+1, 1)))
	}
	// The answer to a question of a lower lane, asked last, says that nearly all have arrived; and that a slow disk
	// stops nothing else.
	<-ask[*keystorev1.PublicKeysResponse](b, &keystorev1.PublicKeys{})
	if n := b.number("signed"); n != signed {
		t.Errorf("%d were signed before they were durable", n-signed)
	}
	release()
	for h, a := range answers {
		if r := <-a; r.GetSignature() == nil {
			t.Errorf("height %d: %v", h, r)
		}
	}
	if n, took := b.number("signed"), b.number("commits")-commits; n != 101 || took > 10 {
		t.Errorf("%d signatures took %d commits", n, took)
	}
}

// BenchmarkDurableSignatures measures block signatures over the bus, each durable on this machine's disk before it is
// answered.
func BenchmarkDurableSignatures(b *testing.B) {
	for _, inFlight := range []int{1, 16, 256, 1024} {
		b.Run(fmt.Sprint(inFlight, " in flight"), func(b *testing.B) {
			measure(b, inFlight, func(n uint64) proto.Message { return blockAt(n, 1) })
		})
	}
}

// BenchmarkSignVote is the same for votes: the two of each height. One at a time is what a height costs twice.
func BenchmarkSignVote(b *testing.B) {
	for _, inFlight := range []int{1, 2, 16, 256} {
		b.Run(fmt.Sprint(inFlight, " in flight"), func(b *testing.B) {
			measure(b, inFlight, func(n uint64) proto.Message {
				return voteAt(1+n/2, 0, keystorev1.VotePhase(1+n%2), 1)
			})
		})
	}
}

// measure asks a keystore with a real file for b.N signatures.
func measure(b *testing.B, inFlight int, request func(uint64) proto.Message) {
	dir := b.TempDir()
	cfg := keystore.Config{Disk: disk.OS{}, KeyFile: filepath.Join(dir, "signing.key"), Dir: filepath.Join(dir, "data")}
	if _, err := signer.Create(cfg.Signer()); err != nil {
		b.Fatal(err)
	}
	bus := startBus(b, cfg)
	b.ResetTimer()
	signMany(bus, uint64(b.N), inFlight, request)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "signatures/s")
	b.ReportMetric(float64(b.N)/float64(bus.number("commits")), "signatures/commit")
}

// signMany asks for n signatures and keeps so many asks in flight.
func signMany(b *bus, n uint64, inFlight int, request func(uint64) proto.Message) {
	done := make(chan struct{})
	next, open := uint64(0), 0
	var fill func()
	fill = func() {
		for open < inFlight && next < n {
			open++
			subsystem.Ask(b.engine, request(next), 30*time.Second, func(r proto.Message, err error) {
				if err != nil || r.(interface{ GetSignature() *keystorev1.Signature }).GetSignature() == nil {
					b.t.Errorf("%v, %v", r, err)
				}
				open--
				if fill(); open == 0 {
					close(done)
				}
			})
			next++
		}
	}
	b.engine.Post(fill)
	<-done
}
