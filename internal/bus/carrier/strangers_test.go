package carrier_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/accept/accepttest"
	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// Every way to the bus waits out what passes, and ends with the cause when its listener does.
func TestEveryDoorOfTheBusAcceptsAgainAndEndsWithItsCause(t *testing.T) {
	for _, kind := range []carrier.Kind{carrier.Fast, carrier.GRPC} {
		for _, network := range []string{"unix", "tcp"} {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = t.TempDir() + "/s"
			}
			at, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			s := carrier.NewServer(grpcx.Server{}, kind, echo)
			ended := make(chan error, 1)
			go func() { ended <- s.Serve(accepttest.Exhausted(at, 2)) }()
			target := "passthrough:///" + at.Addr().String()
			if network == "unix" {
				target = "unix:" + at.Addr().String()
			}
			conn, err := grpcx.Client{}.Dial(target)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
				t.Errorf("%s over %s: %v", kind, network, err)
			}
			conn.Close()
			s.Stop()
			if err := <-ended; err != nil {
				t.Errorf("%s over %s ended with %v", kind, network, err)
			}
			broken, err := net.Listen(network, strings.TrimSuffix(address, "s")+map[string]string{"unix": "b"}[network])
			if err != nil {
				t.Fatal(err)
			}
			err = carrier.NewServer(grpcx.Server{}, kind, echo).Serve(accepttest.Broken{Listener: broken})
			if !errors.Is(err, syscall.EBADF) {
				t.Errorf("%s over %s: a listener that ends by itself: %v", kind, network, err)
			}
			broken.Close()
		}
	}
}

// A call is opened and its question doesn't come.
func TestACallWithoutItsQuestionEnds(t *testing.T) {
	t.Parallel()
	conn, err := grpcx.Client{}.Dial(serve(t, grpcx.Server{}, carrier.Fast, echo))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := conn.NewStream(context.Background(), &healthpb.Health_ServiceDesc.Streams[0],
		healthpb.Health_Check_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(&healthpb.HealthCheckResponse{}); status.Code(err) == codes.OK {
		t.Error("it was answered")
	}
}

// Of pings, both servers that share the socket think the same: that which serves the bus's method, and grpc-go, which
// serves a connection whose first call was another one.
func TestPingsAreJudgedTheSameOnBothWays(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"/reeve.overseer.v1.OverseerService/Attach", healthpb.Health_Watch_FullMethodName} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			for often, welcome := range map[time.Duration]bool{6 * time.Second: true, time.Millisecond: false} {
				if got := pinged(t, first, often); got != welcome {
					t.Errorf("a ping every %v: welcome %v", often, got)
				}
			}
		})
	}
}

// pinged opens a call and sends some pings; it tells whether all were answered.
func pinged(t *testing.T, call string, often time.Duration) bool {
	t.Helper()
	address := serve(t, grpcx.Server{}, carrier.Fast, func(s carrier.Stream) error {
		carrier.Admit(s.Context())
		return s.Recv(&wire.Batch{}) // until the other side goes
	})
	conn, err := net.Dial("unix", strings.TrimPrefix(address, "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w := http2.NewFramer(conn, conn)
	_, err = io.WriteString(conn, http2.ClientPreface)
	err = errors.Join(err, w.WriteSettings(), w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true,
		BlockFragment: requestBlock(t, call)}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if i > 0 {
			time.Sleep(often) // it is time that is judged
		}
		if w.WritePing(false, [8]byte{}) != nil || !answered(w) {
			return false
		}
	}
	return true
}

func answered(w *http2.Framer) bool {
	for {
		f, err := w.ReadFrame()
		if _, away := f.(*http2.GoAwayFrame); err != nil || away {
			return false
		}
		if p, ok := f.(*http2.PingFrame); ok && p.IsAck() {
			return true
		}
	}
}

func requestBlock(t *testing.T, path string) []byte {
	t.Helper()
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "localhost"},
		{"content-type", "application/grpc"}, {"te", "trailers"}} {
		if err := e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	return block.Bytes()
}
