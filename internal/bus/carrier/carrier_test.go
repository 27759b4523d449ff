package carrier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// overEvery tells a story with each pair of carriers, which speak the same on the wire.
func overEvery(t *testing.T, story func(t *testing.T, server, client carrier.Kind)) {
	for _, server := range []carrier.Kind{carrier.Fast, carrier.GRPC} {
		for _, client := range []carrier.Kind{carrier.Fast, carrier.GRPC} {
			t.Run(fmt.Sprintf("%s server and %s client", server, client),
				func(t *testing.T) { story(t, server, client) })
		}
	}
}

// serve serves streams on a unix socket.
func serve(t *testing.T, cfg grpcx.Server, kind carrier.Kind, handle func(carrier.Stream) error) (address string) {
	t.Helper()
	at, err := net.Listen("unix", filepath.Join(t.TempDir(), "s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	return "unix:" + serveAt(t, at, carrier.NewServer(cfg, kind, handle))
}

func serveAt(t *testing.T, at net.Listener, s *carrier.Server) string {
	t.Helper()
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(at) })
	t.Cleanup(func() { s.Stop(); serving.Wait() })
	return at.Addr().String()
}

func dial(t *testing.T, c carrier.Client) carrier.ClientStream {
	t.Helper()
	s, err := c.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// echo sends every batch back from another goroutine than it receives on, as every user of a stream must whose batches
// are longer than the other side's window.
func echo(s carrier.Stream) error {
	back := make(chan []byte, 16)
	var sending sync.WaitGroup
	sending.Go(func() {
		for m := range back {
			_ = s.Send(&wire.Batch{Bytes: m}) // Recv tells
		}
	})
	defer sending.Wait()
	defer close(back)
	for {
		var b wire.Batch
		if err := s.Recv(&b); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		back <- b.Bytes
	}
}

func filled(size int) []byte { return bytes.Repeat([]byte{byte(size + 1)}, size) }

func TestBatchesOfEverySizeComeBack(t *testing.T) {
	overEvery(t, func(t *testing.T, server, client carrier.Kind) {
		s := dial(t, carrier.Client{Address: serve(t, grpcx.Server{}, server, echo), Kind: client})
		var got wire.Batch
		for _, size := range []int{0, 1, 64, 16<<10 - 5, 16 << 10, 16<<10 + 1, 1<<16 - 1, 70_000, 300_000, 1 << 20,
			5 << 20} {
			sent := wire.Batch{Bytes: filled(size)}
			if err := s.Send(&sent); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if sent.Len() != 0 {
				t.Errorf("%d bytes: the batch that was sent has %d", size, sent.Len())
			}
			if err := s.Recv(&got); err != nil || !bytes.Equal(got.Bytes, filled(size)) {
				t.Fatalf("%d bytes: %d came back, %v", size, got.Len(), err)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := s.Recv(&got); err != io.EOF {
			t.Fatalf("the end was %v", err)
		}
		if err := s.Send(&wire.Batch{}); err == nil {
			t.Error("something was sent after the end")
		}
	})
}

// A batch is read into memory that is offered where it fits, and into its own where it doesn't.
func TestMemoryIsUsedAgain(t *testing.T) {
	overEvery(t, func(t *testing.T, server, client carrier.Kind) {
		s := dial(t, carrier.Client{Address: serve(t, grpcx.Server{}, server, echo), Kind: client})
		var b wire.Batch
		for _, size := range []int{100, 70_000, 10, 30_000, 70_000} {
			if err := s.Send(&wire.Batch{Bytes: filled(size)}); err != nil {
				t.Fatal(err)
			}
			offered := b.Bytes
			if err := s.Recv(&b); err != nil || !bytes.Equal(b.Bytes, filled(size)) {
				t.Fatalf("%d bytes: %d came back, %v", size, b.Len(), err)
			}
			if cap(offered) >= size && &offered[:1][0] != &b.Bytes[0] {
				t.Errorf("%d bytes were not read into the %d that were offered", size, cap(offered))
			}
		}
	})
}

func TestManySendersNeverMixTheirBatches(t *testing.T) {
	overEvery(t, func(t *testing.T, server, client carrier.Kind) {
		s := dial(t, carrier.Client{Address: serve(t, grpcx.Server{}, server, echo), Kind: client})
		const senders, each = 4, 40
		var b wire.Batch
		if err := errors.Join(s.Send(&wire.Batch{Bytes: filled(1)}), s.Recv(&b)); err != nil { // the short one is first
			t.Fatal(err)
		}
		for i := range senders {
			go func() {
				for range each {
					if s.Send(&wire.Batch{Bytes: filled(1 + i*50_000)}) != nil {
						return
					}
				}
			}()
		}
		for range senders * each {
			if err := s.Recv(&b); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes, filled(b.Len())) {
				t.Fatalf("a batch of %d bytes is mixed", b.Len())
			}
		}
	})
}

// A call looks the same to who reads logs and metrics, and to the client, whatever carries it.
func TestEveryCallPassesTheInterceptors(t *testing.T) {
	overEvery(t, func(t *testing.T, server, client carrier.Kind) {
		registry := prometheus.NewRegistry()
		handle := func(s carrier.Stream) error {
			var b wire.Batch
			if err := s.Recv(&b); err != nil {
				return err
			}
			if string(b.Bytes) == "panic" {
				panic("secret inside")
			}
			return status.Error(codes.FailedPrecondition, "100 % as ordered: ü")
		}
		address := serve(t, grpcx.Server{Metrics: grpcx.Metrics(registry)}, server, handle)
		for order, code := range map[string]codes.Code{"fail": codes.FailedPrecondition, "panic": codes.Internal} {
			s := dial(t, carrier.Client{Address: address, Kind: client})
			if err := s.Send(&wire.Batch{Bytes: []byte(order)}); err != nil {
				t.Fatal(err)
			}
			var b wire.Batch
			err := s.Recv(&b)
			if status.Code(err) != code || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", order, err)
			}
			if code == codes.FailedPrecondition && status.Convert(err).Message() != "100 % as ordered: ü" {
				t.Errorf("it says %v", err)
			}
		}
		for _, code := range []string{"FailedPrecondition", "Internal"} {
			if n := handled(t, registry, code); n != 1 {
				t.Errorf("%v calls of Attach were counted as %s", n, code)
			}
		}
	})
}

// handled is how many calls of the bus's method ended with a code.
func handled(t *testing.T, from prometheus.Gatherer, code string) (n float64) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "grpc_server_handled_total" {
			continue
		}
		for _, m := range f.Metric {
			labels := map[string]string{}
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["grpc_method"] == "Attach" && labels["grpc_code"] == code {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

func TestTheServerLearnsWhoIsThereAndThatTheClientHasGone(t *testing.T) {
	overEvery(t, func(t *testing.T, server, client carrier.Kind) {
		pid, gone := make(chan int32, 1), make(chan error, 1)
		address := serve(t, grpcx.Server{}, server, func(s carrier.Stream) error {
			info, _ := grpcx.PeerOf(s.Context())
			pid <- info.Pid
			var b wire.Batch
			err := s.Recv(&b)
			<-s.Context().Done()
			gone <- err
			return err
		})
		s := dial(t, carrier.Client{Address: address, Kind: client})
		if got := <-pid; got != int32(os.Getpid()) {
			t.Errorf("the client is process %d", got)
		}
		s.Close()
		if err := <-gone; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("the client has gone without a word, and Recv says %v", err)
		}
	})
}

func TestCancellingTheContextEndsAStreamThatWaits(t *testing.T) {
	overEvery(t, func(t *testing.T, server, client carrier.Kind) {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := carrier.Client{Address: serve(t, grpcx.Server{}, server, echo), Kind: client}.Dial(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		cancel()
		var b wire.Batch
		if err := s.Recv(&b); err == nil || errors.Is(err, io.EOF) {
			t.Fatalf("got %v", err)
		}
	})
}

// A handler ends while its stream's reader and a writer, to a client that doesn't read, still wait.
func TestAHandlerThatEndsLeavesNobodyWaiting(t *testing.T) {
	overEvery(t, func(t *testing.T, server, client carrier.Kind) {
		left, ended := sync.WaitGroup{}, make(chan struct{})
		address := serve(t, grpcx.Server{}, server, func(s carrier.Stream) error {
			defer close(ended)
			left.Go(func() { var more wire.Batch; _ = s.Recv(&more) })
			left.Go(func() {
				for s.Send(&wire.Batch{Bytes: filled(8 << 20)}) == nil {
				}
			})
			return status.Error(codes.Aborted, "enough")
		})
		dial(t, carrier.Client{Address: address, Kind: client})
		<-ended
		left.Wait()
	})
}

func TestAnUnknownCarrierIsRefused(t *testing.T) {
	t.Setenv(carrier.Variable, "pigeon")
	if kind, err := carrier.Parse(""); err == nil {
		t.Errorf("it is %q", kind)
	}
	for name, want := range map[string]carrier.Kind{"fast": carrier.Fast, "grpc": carrier.GRPC} {
		t.Setenv(carrier.Variable, name)
		if kind, err := carrier.Parse(""); err != nil || kind != want {
			t.Errorf("%s: %q, %v", name, kind, err)
		}
	}
	if kind, err := carrier.Parse("fast"); err != nil || kind != carrier.Fast {
		t.Errorf("what is asked for goes before the environment: %q, %v", kind, err)
	}
}

// Whatever is sent comes back, whole and in order.
func FuzzWhatIsSentComesBack(f *testing.F) {
	kinds := []carrier.Kind{carrier.Fast, carrier.GRPC}
	addresses := map[carrier.Kind]string{}
	for _, kind := range kinds {
		at, err := net.Listen("unix", filepath.Join(f.TempDir(), "s.sock"))
		if err != nil {
			f.Fatal(err)
		}
		server := carrier.NewServer(grpcx.Server{}, kind, echo)
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(at) })
		f.Cleanup(func() { server.Stop(); serving.Wait() })
		addresses[kind] = "unix:" + at.Addr().String()
	}
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{0, 255, 0, 130, 131, 1, 254})
	f.Add([]byte{255, 48})
	f.Fuzz(func(t *testing.T, sizes []byte) {
		sizes = append([]byte{1}, sizes[:min(len(sizes), 32)]...) // the first message is a hello, which is short
		for _, server := range kinds {
			for _, client := range kinds {
				exchange(t, dial(t, carrier.Client{Address: addresses[server], Kind: client}), sizes)
			}
		}
	})
}

// exchange sends batches of sizes that grow steeply, and compares what comes.
func exchange(t *testing.T, s carrier.ClientStream, sizes []byte) {
	size := func(b byte) int { return int(b) * int(b) * int(b) / 64 } // up to 256 KiB
	go func() {
		var b wire.Batch
		for _, n := range sizes {
			b.Bytes = append(b.Bytes, filled(size(n))...)
			if s.Send(&b) != nil {
				return // Recv tells
			}
		}
		_ = s.CloseSend()
	}()
	var b wire.Batch
	for i, n := range sizes {
		if err := s.Recv(&b); err != nil || !bytes.Equal(b.Bytes, filled(size(n))) {
			t.Fatalf("%d of %v: %d bytes, %v", i, sizes, b.Len(), err)
		}
	}
	if err := s.Recv(&b); err != io.EOF {
		t.Fatalf("the end was %v", err)
	}
}
