package overseer_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// wireCutter stands between subsystems and the overseer and can cut all connections at once, at any byte.
type wireCutter struct {
	lis  net.Listener
	to   string
	mu   sync.Mutex
	ends map[net.Conn]bool
}

func newWireCutter(t *testing.T, to string) *wireCutter {
	t.Helper()
	lis, err := net.Listen("unix", filepath.Join(t.TempDir(), "cut.sock"))
	if err != nil {
		t.Fatal(err)
	}
	w := &wireCutter{lis: lis, to: to, ends: map[net.Conn]bool{}}
	go w.serve()
	t.Cleanup(func() { lis.Close(); w.cut() })
	return w
}

func (w *wireCutter) serve() {
	for {
		near, err := w.lis.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("unix", w.to)
		if err != nil {
			near.Close()
			continue
		}
		w.mu.Lock()
		w.ends[near], w.ends[far] = true, true
		w.mu.Unlock()
		go w.pipe(near, far)
		go w.pipe(far, near)
	}
}

func (w *wireCutter) pipe(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	from.Close()
	to.Close()
}

func (w *wireCutter) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.ends {
		c.Close()
	}
	clear(w.ends)
}

// process runs a subsystem until stop; stop waits for its end.
func process(spec subsystem.Spec, addr string, over carrier.Kind) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = subsystem.Run(ctx, spec, subsystem.Options{Address: "unix:" + addr, Carrier: string(over),
			Log: slog.New(slog.DiscardHandler)})
	}()
	return func() { cancel(); <-ended }
}

// moody answers well, late, twice and never.
func moody(sub *subsystem.Sub) subsystem.Handler {
	return funcs{handle: func(m *subsystem.Message) {
		switch sub.Rand().IntN(20) {
		case 0:
		case 1:
			sub.After(time.Duration(sub.Rand().IntN(200))*time.Millisecond, func() { answer(m) })
		case 2:
			answer(m)
			answer(m)
		default:
			answer(m)
		}
	}}
}

// The same promise over real sockets: ten thousand asks while the overseer and the answerer are restarted and the
// answerer's and the asker's connections are cut in the middle of a frame.
func TestRule2TenThousandAsksOverRealConnectionsEndExactlyOnceEach(t *testing.T) {
	t.Parallel()
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		t.Parallel()
		seed := uint64(time.Now().UnixNano())
		rng := rand.New(rand.NewPCG(seed, 3))
		b := startBusOver(t, c, overseer.Config{Epoch: 1})
		cutter := newWireCutter(t, b.addr)
		ready := make(chan *subsystem.Sub, 1)
		stopAsker := process(subsystem.Spec{
			Name: "bitfield-signing", Asks: []proto.Message{&networkbridgev1.SendRequest{}, &networkbridgev1.Peers{}},
			New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
				ready <- sub
				return funcs{handle: func(m *subsystem.Message) { m.Unknown() }}, nil
			},
		}, cutter.lis.Addr().String(), c.client)
		defer stopAsker()
		answerer := subsystem.Spec{Name: "network-bridge",
			New: func(sub *subsystem.Sub) (subsystem.Handler, error) { return moody(sub), nil }}
		stop := process(answerer, cutter.lis.Addr().String(), c.client)
		defer func() { stop() }()

		sub := <-ready
		total := 10_000
		ends := make([]atomic.Int32, total)
		var codes [16]atomic.Int32
		var all sync.WaitGroup
		for n := range total {
			all.Add(1)
			end := func(err error) {
				codes[subsystem.CodeOf(err)].Add(1)
				if ends[n].Add(1) == 1 {
					all.Done()
				}
			}
			timeout := time.Duration(1+rng.IntN(1500)) * time.Millisecond
			sub.Post(func() {
				if n%2 == 0 {
					subsystem.Ask(sub, &networkbridgev1.SendRequest{}, timeout,
						func(_ *networkbridgev1.SendRequestResponse, err error) { end(err) })
				} else {
					subsystem.Ask(sub, &networkbridgev1.Peers{}, timeout,
						func(_ *networkbridgev1.PeersResponse, err error) { end(err) })
				}
			})
			if n%10 == 0 { // the pace of the story, not a wait for anything
				time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
			}
			switch rng.IntN(400) {
			case 0, 1:
				cutter.cut()
			case 2:
				stop()
				stop = process(answerer, cutter.lis.Addr().String(), c.client)
			case 3:
				b.restart()
			}
		}
		all.Wait()
		after := make(chan struct{})
		sub.Post(func() { sub.After(time.Second, func() { close(after) }) }) // time for a second end to come
		<-after
		for n := range ends {
			if got := ends[n].Load(); got != 1 {
				t.Fatalf("ask %d ended %d times (seed %d)", n, got, seed)
			}
		}
		t.Log(fmt.Sprint("outcomes by code: ", outcomes(&codes)), "epoch", b.epoch)
	})
}

func outcomes(codes *[16]atomic.Int32) map[subsystem.Code]int32 {
	m := map[subsystem.Code]int32{}
	for c := range codes {
		if n := codes[c].Load(); n > 0 {
			m[subsystem.Code(c)] = n
		}
	}
	return m
}
