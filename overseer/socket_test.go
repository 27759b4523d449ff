package overseer_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// These stories run over real sockets what the rule_*_test.go files prove in memory.

func TestRule12AWrongTokenIsRefusedWithASentence(t *testing.T) {
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		b := startBusOver(t, c, overseer.Config{Epoch: 1,
			Token: func(string) ([]byte, error) { return []byte("right"), nil }})
		ctx, attached := context.WithCancel(t.Context())
		defer attached()
		err := subsystem.Run(ctx, store(subsystem.Single, echo), subsystem.Options{
			Address: "unix:" + b.addr, Carrier: string(c.client), Token: []byte("wrong"),
			Log: slog.New(slog.DiscardHandler), OnAttached: attached})
		if err == nil || !strings.Contains(err.Error(), "REEVE_TOKEN_FILE") {
			t.Errorf("%v", err)
		}
	})
}

// The overseer can't read the token, for a moment: whoever comes with the right one comes again, and is taken.
func TestRule12WhoCameWhileTheTokenCouldNotBeReadIsTakenLater(t *testing.T) {
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		var reads atomic.Int32
		b := startBusOver(t, c, overseer.Config{Epoch: 1, Token: func(string) ([]byte, error) {
			if reads.Add(1) < 3 {
				return nil, &fs.PathError{Op: "open", Path: "engine.token", Err: syscall.EMFILE}
			}
			return []byte("right"), nil
		}})
		b.token = []byte("right")
		b.run(store(subsystem.Single, echo))
	})
}

// A handler that hangs is found by what its heartbeats say of it, and its attachment ended. Where the overseer can't
// end the process, what still turns in it does.
func TestRule10AHandlerThatHangsIsEnded(t *testing.T) {
	t.Parallel()
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		b := startBusOver(t, c, overseer.Config{Epoch: 1,
			Limits: overseer.Limits{Progress: 300 * time.Millisecond, Start: 300 * time.Millisecond}})
		release := make(chan struct{})
		ended := b.runToItsEnd(store(subsystem.Single, func(m *subsystem.Message) { <-release; echo(m) }))
		defer close(release)
		a := b.asker()
		if err := a.ask(3 * time.Second); err == nil || !strings.Contains(cause(b, "availability-store"), "hung") {
			t.Errorf("%v; the cause of the end is %q", err, cause(b, "availability-store"))
		}
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "has to be started again") {
			t.Errorf("it ends with %v", err)
		}
	})
}

func cause(b *bus, name string) string {
	for _, s := range b.server.Status().Subsystems {
		if s.Name == name {
			return s.LastCause
		}
	}
	return ""
}

func TestClassSingleTheStandbyTakesOverOnARealSocket(t *testing.T) {
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		b := startBusOver(t, c, overseer.Config{Epoch: 1})
		stop := b.run(store(subsystem.Single, echo))
		served := make(chan struct{}, 1)
		b.run(store(subsystem.Single, func(m *subsystem.Message) { echo(m); served <- struct{}{} }))
		a := b.asker()
		if err := a.ask(5 * time.Second); err != nil || len(served) != 0 {
			t.Fatalf("%v, %d served by the standby", err, len(served))
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := a.ask(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		<-served
	})
}

// Sixteen chunks of 256 KiB as a streamed answer on the bulk lane, while small questions are answered on the other
// stream.
func TestRule5BulkAndConsensusSideBySide(t *testing.T) {
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		b := startBusOver(t, c, overseer.Config{Epoch: 1})
		chunk := bytes.Repeat([]byte("x"), 256<<10)
		b.run(store(subsystem.Single, func(m *subsystem.Message) {
			if _, all := m.Body.(*availabilitystorev1.QueryAllChunks); !all {
				echo(m)
				return
			}
			for n := range uint32(16) {
				m.Item(&availabilitystorev1.QueryAllChunksResponse{Chunk: &primitivesv1.ErasureChunk{Index: n,
					Content: &primitivesv1.ErasureChunk_Chunk{Chunk: chunk}}})
			}
			m.End()
		}))
		ready := make(chan *subsystem.Sub, 1)
		b.run(subsystem.Spec{
			Name: "provisioner", Asks: []proto.Message{&availabilitystorev1.QueryAllChunks{},
				&availabilitystorev1.QueryDataAvailability{}, &networkbridgev1.Peers{}},
			New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
				ready <- sub
				return funcs{handle: func(m *subsystem.Message) { m.Unknown() }}, nil
			},
		})
		sub := <-ready
		var got []uint32
		ended := make(chan error, 1)
		sub.Post(func() {
			subsystem.Watch(sub, &availabilitystorev1.QueryAllChunks{}, 10*time.Second,
				func(r *availabilitystorev1.QueryAllChunksResponse) {
					got = append(got,
						r.Chunk.Index)
				}, func(err error) { ended <- err })
		})
		for range 50 {
			if _, err := askAndWait[*availabilitystorev1.QueryDataAvailabilityResponse](sub,
				&availabilitystorev1.QueryDataAvailability{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-ended; err != nil || len(got) != 16 || !slices.IsSorted(got) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// Two VM hosts on real sockets: each answers for its chain, and the end of one is nothing to the other.
func TestChainsOnRealSockets(t *testing.T) {
	host := func(chain string) subsystem.Spec {
		return subsystem.Spec{
			Name: "vm", Class: subsystem.PerChain, New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
				return funcs{handle: func(m *subsystem.Message) {
					m.Fail(subsystem.Failf(subsystem.Responder,
						"host of %s", chain))
				}}, nil
			},
		}
	}
	ready := make(chan *subsystem.Sub, 1)
	asker := subsystem.Spec{
		Name: "provisioner", Asks: []proto.Message{&vmv1.LastAccepted{}},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { ready <- sub; return funcs{}, nil },
	}
	b := startBus(t, overseer.Config{
		Epoch: 1, Chains: []string{"a", "b"}, Specs: []subsystem.Spec{host(""), asker},
		Limits: overseer.Limits{Hold: 100 * time.Millisecond},
	})
	stop := b.runFor("a", host("a"))
	b.runFor("b", host("b"))
	b.run(asker)
	sub := <-ready
	hears := func(chain, want string) {
		t.Helper()
		_, err := askAndWait[*vmv1.LastAcceptedResponse](sub.On(chain), &vmv1.LastAccepted{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("chain %s: %v, want %q", chain, err, want)
		}
	}
	hears("a", "host of a")
	hears("b", "host of b")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	hears("a", "no vm of chain a is attached")
	hears("b", "host of b")
}
