package grpcstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const method = "/test.Echo/Stream"

// echo sends every message back until the client has sent its last, then ends well. "fail" ends with a status. It sends
// from another goroutine than it receives on, as every user of a Stream must when messages are longer than the other
// side's window.
func echo(s *Stream) error {
	back := make(chan []byte, 16)
	var sending sync.WaitGroup
	sending.Go(func() {
		for m := range back {
			_ = s.Send(m) // Recv tells
		}
	})
	defer sending.Wait()
	defer close(back)
	for {
		m, err := s.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case string(m) == "fail":
			return status.Error(codes.FailedPrecondition, "100 % as ordered: ü")
		}
		back <- m
	}
}

// serve starts a server of ours with a grpc-go server behind it for everything else.
func serve(t *testing.T, handle func(*Stream) error) (target string) {
	t.Helper()
	at, err := net.Listen("unix", filepath.Join(t.TempDir(), "s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	ours := &Server{Path: method, Handle: handle, MaxMessage: 8 << 20, Creds: insecure.NewCredentials()}
	others := NewOthers(at)
	theirs := grpc.NewServer(grpc.Creds(HandedCreds(insecure.NewCredentials())))
	healthpb.RegisterHealthServer(theirs, health.NewServer())
	var running sync.WaitGroup
	running.Go(func() { _ = ours.Serve(at, others) })
	running.Go(func() { _ = theirs.Serve(others) })
	t.Cleanup(func() {
		at.Close()
		ours.Close()
		theirs.Stop()
		running.Wait()
	})
	return "unix:" + at.Addr().String()
}

func dial(t *testing.T, target string) *Stream {
	t.Helper()
	s, err := Client{Target: target, Path: method, MaxMessage: 8 << 20}.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// sizes are around everything that has a limit: the copied and the vectored write, a frame, a window, a buffer.
var sizes = []int{
	0, 1, 100, smallSend, smallSend + 1, defaultFrame - prefixSize, defaultFrame, bufferSize, bufferSize + 1,
	defaultWindow, firstPiece, 5 << 20,
}

func message(size int) []byte { return bytes.Repeat([]byte{byte(size + 1)}, size) }

// try sends more than a socket takes, and waits only where it must; each message says how many went before it.
func try(s *Stream, size int) (sent int, err error) {
	for ; sent < 3<<20/size && err == nil; sent++ {
		m, now := append(message(size), byte(sent)), false
		if now, err = s.TrySend(m); !now && err == nil {
			err = s.Send(m)
		}
	}
	return sent, err
}

// Who may not wait sends to a client that doesn't read, and goes on at once; what was begun, and what waited, comes in
// order and whole.
func TestTrySendNeverWaits(t *testing.T) {
	for _, size := range []int{100, 5000, 100_000} {
		full, sent := make(chan bool), make(chan int, 1)
		s := dial(t, serve(t, func(s *Stream) error {
			if _, err := s.Recv(); err != nil { // the client's settings came before
				return err
			}
			for now := s.Tries(); now; now, _ = s.TrySend(message(1000)) { // fill the socket
			}
			close(full)
			n, err := try(s, size)
			sent <- n
			return err
		}))
		if err := s.Send(nil); err != nil {
			t.Fatal(err)
		}
		<-full
		var got int
		for {
			m, err := s.Recv()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(m) == 1000 {
				continue
			}
			if !bytes.Equal(m, append(message(size), byte(got))) {
				t.Fatalf("message %d of %d bytes came as %d bytes", got, size, len(m))
			}
			got++
		}
		if n := <-sent; got != n {
			t.Errorf("%d of %d messages of %d bytes came", got, n, size)
		}
	}
}

// A handler that ends while somebody still sends for it to a client that doesn't read: the end comes all the same.
func TestASendToWhoDoesNotReadDoesNotHoldUpTheEnd(t *testing.T) {
	sent := make(chan error, 1)
	s := dial(t, serve(t, func(s *Stream) error {
		_, err := s.Recv()
		go func() { sent <- s.Send(message(8 << 20)) }()
		return err
	}))
	if err := s.Send(nil); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-sent:
		if err == nil {
			t.Error("more was sent than the socket takes")
		}
	case <-time.After(10 * drainLimit):
		t.Fatal("it still sends")
	}
}

// A message is read into memory that is offered where it fits, and into its own where it doesn't.
func TestMemoryIsUsedAgain(t *testing.T) {
	s := dial(t, serve(t, echo))
	var used []byte
	for _, size := range []int{100, 70_000, 10, 0, 30_000, 70_000, 70_001} {
		if err := s.Send(message(size)); err != nil {
			t.Fatal(err)
		}
		got, err := s.RecvInto(used)
		if err != nil || !bytes.Equal(got, message(size)) {
			t.Fatalf("%d bytes: %d came back, %v", size, len(got), err)
		}
		if cap(used) >= max(size, 1) && &got[:1][0] != &used[:1][0] {
			t.Errorf("%d bytes were not read into the %d that were offered", size, cap(used))
		}
		used = got
	}
}

func TestMessagesOfEverySizeComeBack(t *testing.T) {
	s := dial(t, serve(t, echo))
	for _, size := range sizes {
		if err := s.Send(message(size)); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		got, err := s.Recv()
		if err != nil || !bytes.Equal(got, message(size)) {
			t.Fatalf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != io.EOF {
		t.Fatalf("the end was %v", err)
	}
	if err := s.Send(nil); !errors.Is(err, ErrFinished) {
		t.Fatalf("Send after the end: %v", err)
	}
}

// streamDesc is the method as grpc-go describes it. The wrapper message puts a tag and a length before its bytes.
var streamDesc = &grpc.StreamDesc{StreamName: "Stream", ServerStreams: true, ClientStreams: true}

func TestAGRPCClientSpeaksWithOurServer(t *testing.T) {
	conn, err := grpc.NewClient(serve(t, echo), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8<<20)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := conn.NewStream(t.Context(), streamDesc, method)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes {
		if err := stream.SendMsg(wrapperspb.Bytes(message(size))); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		var got wrapperspb.BytesValue
		if err := stream.RecvMsg(&got); err != nil || !bytes.Equal(got.Value, message(size)) {
			t.Fatalf("%d bytes: %d came back, %v", size, len(got.Value), err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(wrapperspb.BytesValue)); err != io.EOF {
		t.Fatalf("the end was %v", err)
	}
}

func TestOurClientSpeaksWithAGRPCServer(t *testing.T) {
	at, err := net.Listen("unix", filepath.Join(t.TempDir(), "s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	echoes := grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		for {
			var m wrapperspb.BytesValue
			if err := stream.RecvMsg(&m); err != nil {
				return status.Error(codes.Aborted, "enough")
			}
			if err := stream.SendMsg(&m); err != nil {
				return err
			}
		}
	})
	server := grpc.NewServer(grpc.MaxRecvMsgSize(8<<20), echoes)
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(at) })
	t.Cleanup(func() { server.Stop(); running.Wait() })
	s := dial(t, "unix:"+at.Addr().String())
	for _, size := range []int{100, 1 << 20, 5 << 20} {
		sent, err := proto.Marshal(wrapperspb.Bytes(message(size)))
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = s.Send(sent) }() // Recv takes the window updates that it waits for
		if got, err := s.Recv(); err != nil || !bytes.HasSuffix(got, message(size)) {
			t.Fatalf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); status.Code(err) != codes.Aborted {
		t.Fatalf("the end was %v", err)
	}
}

func TestOtherCallsOnTheSameSocketAreServedByGRPC(t *testing.T) {
	target := serve(t, echo)
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || got.Status != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("%v, %v", got, err)
	}
}

func TestAFurtherCallOnAStreamsConnectionIsRefusedAndTheStreamGoesOn(t *testing.T) {
	conn, err := grpc.NewClient(serve(t, echo), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := conn.NewStream(t.Context(), streamDesc, method)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := stream.SendMsg(wrapperspb.Bytes(message(5))); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(new(wrapperspb.BytesValue)); err != nil {
			t.Fatal(err)
		}
		_, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if status.Code(err) != codes.Unimplemented {
			t.Fatalf("the further call: %v", err)
		}
	}
}

func TestTheHandlersStatusReachesTheClient(t *testing.T) {
	target := serve(t, echo)
	for _, before := range []bool{false, true} { // with and without a message before the trailers
		s := dial(t, target)
		if before {
			if err := s.Send([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Recv(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Send([]byte("fail")); err != nil {
			t.Fatal(err)
		}
		_, err := s.Recv()
		if status.Code(err) != codes.FailedPrecondition || status.Convert(err).Message() != "100 % as ordered: ü" {
			t.Fatal(err)
		}
		if _, again := s.Recv(); again != err {
			t.Fatalf("the second time it said %v", again)
		}
	}
}

func TestManySendersNeverMixTheirMessages(t *testing.T) {
	s := dial(t, serve(t, echo))
	const senders, each = 4, 40
	for i := range senders {
		go func() {
			for range each {
				if s.Send(message(1+i*50_000)) != nil {
					return
				}
			}
		}()
	}
	for range senders * each {
		got, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, message(len(got))) {
			t.Fatalf("a message of %d bytes is mixed", len(got))
		}
	}
}

func TestAMessageThatIsTooLongEndsTheStreamWithAReason(t *testing.T) {
	target := serve(t, echo)
	s, err := Client{Target: target, Path: method, MaxMessage: 10}.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Send(message(11)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); status.Code(err) != codes.ResourceExhausted {
		t.Fatalf("got %v", err)
	}
}

func TestTheHandlerLearnsWhoIsThereAndThatTheClientHasGone(t *testing.T) {
	known := make(chan bool, 1)
	gone := make(chan error, 1)
	target := serve(t, func(s *Stream) error {
		_, ok := peer.FromContext(s.Context())
		known <- ok
		_, err := s.Recv()
		<-s.Context().Done()
		gone <- err
		return err
	})
	client := dial(t, target)
	if !<-known {
		t.Error("the peer is not in the context")
	}
	client.Close()
	if err := <-gone; status.Code(err) != codes.Unavailable {
		t.Errorf("Recv said %v", err)
	}
}

func TestCancellingTheContextEndsAStreamThatWaits(t *testing.T) {
	target := serve(t, echo)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Client{Target: target, Path: method, MaxMessage: 10}.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := s.Recv(); status.Code(err) != codes.Unavailable {
		t.Fatalf("got %v", err)
	}
}

// TestASendThatWaitsForCreditIsEndedByTheEnd speaks with a server that gives no credit beyond HTTP/2's first 64 KiB.
func TestASendThatWaitsForCreditIsEndedByTheEnd(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	s := newStream(t.Context(), ours, ours, true, 100)
	sent := make(chan error)
	go func() { sent <- s.Send(message(defaultWindow + 1)) }()
	s.Close()
	if err := <-sent; err == nil {
		t.Fatal("it was sent")
	}
}

func TestWhatIsNoHTTP2IsHungUpOn(t *testing.T) {
	target := serve(t, echo)
	for _, said := range []string{
		"GET / HTTP/1.1\r\n\r\n123456", http2.ClientPreface + "\xff\xff\xff\x01\x00\x00\x00\x00\x01",
	} {
		conn, err := net.Dial("unix", target[len("unix:"):])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, said); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Logf("%q: %v", said[:4], err) // a reset is an end too
		}
		conn.Close()
	}
}

// memoryConn is a connection whose other side has said everything it will ever say.
type memoryConn struct {
	net.Conn
	in *bytes.Reader
}

func (c memoryConn) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c memoryConn) Write(p []byte) (int, error) { return len(p), nil }
func (c memoryConn) Close() error                { return nil }

// SetWriteDeadline means nothing where writes don't wait.
func (c memoryConn) SetWriteDeadline(time.Time) error { return nil }

func frames(write func(*http2.Framer) error) []byte {
	var b bytes.Buffer
	w := http2.NewFramer(&b, nil)
	w.AllowIllegalWrites = true
	if err := write(w); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func FuzzNoBytesPanicOrGrow(f *testing.F) {
	f.Add([]byte("\x00\x00\x06\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01x"), true)
	f.Add(frames(func(w *http2.Framer) error {
		return errors.Join(preamble(w),
			writeHeaders(w, streamID, true, append(response(), trailers(io.ErrNoProgress)...)))
	}), true)
	f.Add(frames(func(w *http2.Framer) error {
		return errors.Join(preamble(w), writeHeaders(w, streamID, false, request(method)),
			w.WriteDataPadded(1, true, message1("x"), []byte{0}))
	}), false)
	f.Add(frames(func(w *http2.Framer) error {
		return errors.Join(w.WriteWindowUpdate(1, 5), w.WriteRSTStream(1, http2.ErrCodeCancel),
			w.WriteGoAway(1, http2.ErrCodeProtocol, nil))
	}), false)
	f.Fuzz(func(t *testing.T, data []byte, client bool) {
		conn := memoryConn{in: bytes.NewReader(data)}
		s := newStream(t.Context(), conn, conn, client, 1<<10)
		defer s.Close()
		for {
			m, err := s.Recv()
			if err != nil {
				break
			}
			if len(m) > 1<<10 {
				t.Fatalf("a message of %d bytes", len(m))
			}
		}
	})
}

func FuzzSniffNeverPanics(f *testing.F) {
	f.Add([]byte(http2.ClientPreface))
	f.Add(append([]byte(http2.ClientPreface), frames(func(w *http2.Framer) error {
		return errors.Join(preamble(w), writeHeaders(w, streamID, false, request(method)))
	})...))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = sniff(memoryConn{in: bytes.NewReader(data)}, method)
	})
}

func BenchmarkEcho64(b *testing.B) {
	at, err := net.Listen("unix", filepath.Join(b.TempDir(), "s.sock"))
	if err != nil {
		b.Fatal(err)
	}
	server := &Server{Path: method, Handle: echo, MaxMessage: 1 << 20}
	go func() { _ = server.Serve(at, NewOthers(at)) }()
	s, err := Client{Target: "unix:" + at.Addr().String(), Path: method, MaxMessage: 1 << 20}.Dial(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	m := message(64)
	for b.Loop() {
		if err := s.Send(m); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Recv(); err != nil {
			b.Fatal(err)
		}
	}
	s.Close()
	at.Close()
	server.Close()
}
