package grpcstream

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/accept/accepttest"
)

// The floods that HTTP/2 servers are known to have drowned in. Each costs its sender nearly nothing, and must cost us
// no more than a bounded number of frames, of bytes that are decoded, and of bytes that are held, after which the
// connection ends with ENHANCE_YOUR_CALM. Numbers of frames, not time, bound the work here: they are the same on a
// machine that is busy.

// most is how many frames may be taken: the allowance, and what earned more while a stream was opened.
const most = allowance + 64

// floods writes frames until the server hangs up.
func (r *raw) floods(write func(w *http2.Framer, n int) error) (taken int) {
	r.t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for ; taken <= 2*most; taken++ {
		if write(r.w, taken) != nil {
			break
		}
	}
	runtime.ReadMemStats(&after)
	r.t.Logf("%d frames were taken, %d KiB allocated on both sides", taken, (after.TotalAlloc-before.TotalAlloc)>>10)
	if taken > most {
		r.t.Errorf("%d frames that bring nothing were taken", taken)
	}
	if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 8 {
		r.t.Errorf("%d MiB were allocated for it", grown)
	}
	if got := r.last(); got != "goaway ENHANCE_YOUR_CALM" {
		r.t.Errorf("the last that was said is %q", got)
	}
	return taken
}

func TestRapidResetIsEnded(t *testing.T) {
	opened(t, echo).floods(func(w *http2.Framer, n int) error {
		stream := uint32(2*n + 3)
		return errors.Join(writeHeaders(w, stream, false, request(method)),
			w.WriteRSTStream(stream, http2.ErrCodeCancel))
	})
}

func TestAHeaderBlockOfEmptyContinuationsIsEnded(t *testing.T) {
	r := opened(t, echo)
	if err := r.w.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: []byte{0x82}}); err != nil {
		t.Fatal(err)
	}
	if n := r.floods(func(w *http2.Framer, _ int) error { return w.WriteContinuation(3, false, nil) }); n > maxFrames {
		t.Errorf("%d pieces of one block were taken", n)
	}
}

// One empty piece is one too many, and not only of a call on a stream of ours: before it is known what a connection is
// for as well.
func TestAnEmptyPieceOfAHeaderBlockIsEnded(t *testing.T) {
	for name, r := range map[string]*raw{"later": opened(t, echo), "first": against(t, echo)} {
		stream := uint32(3)
		if name == "first" {
			stream = 1
			_ = r.w.WriteSettings()
		}
		_ = r.w.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{0x83}})
		_ = r.w.WriteContinuation(stream, false, nil)
		if got := r.last(); got != "goaway ENHANCE_YOUR_CALM" {
			t.Errorf("%s: the last that was said is %q", name, got)
		}
	}
}

func TestAHeaderBlockWithoutAnEndIsEnded(t *testing.T) {
	r := opened(t, echo)
	if err := r.w.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: []byte{0x82}}); err != nil {
		t.Fatal(err)
	}
	field := block([2]string{"x-filler", string(bytes.Repeat([]byte("x"), 1000))})[3:]
	sent := 0
	for r.w.WriteContinuation(3, false, field) == nil && sent < 100*maxHeaders {
		sent += len(field)
	}
	if got := r.last(); sent > 8*maxHeaders || got != "goaway ENHANCE_YOUR_CALM" {
		t.Errorf("%d bytes of one block were taken, then %q", sent, got)
	}
}

func TestAPingFloodIsEnded(t *testing.T) {
	opened(t, echo).floods(func(w *http2.Framer, _ int) error { return w.WritePing(false, [8]byte{}) })
}

func TestASettingsFloodIsEnded(t *testing.T) {
	opened(t, echo).floods(func(w *http2.Framer, _ int) error {
		return w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	})
}

func TestAFloodOfLongSettingsIsEndedSooner(t *testing.T) {
	long := make([]http2.Setting, 2000)
	for i := range long {
		long[i] = http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 14}
	}
	n := opened(t, echo).floods(func(w *http2.Framer, _ int) error { return w.WriteSettings(long...) })
	if n > allowance/8 {
		t.Errorf("%d frames of %d settings were taken", n, len(long))
	}
}

func TestAFloodOfEmptyDataIsEnded(t *testing.T) {
	opened(t, echo).floods(func(w *http2.Framer, _ int) error { return w.WriteData(streamID, false, nil) })
}

func TestAFloodOfPaddingIsEnded(t *testing.T) {
	opened(t, echo).floods(func(w *http2.Framer, _ int) error {
		return w.WriteDataPadded(streamID, false, nil, make([]byte, 255))
	})
}

func TestAWindowUpdateFloodIsEnded(t *testing.T) {
	for _, stream := range []uint32{0, streamID} {
		opened(t, echo).floods(func(w *http2.Framer, _ int) error { return w.WriteWindowUpdate(stream, 1) })
	}
}

func TestAPriorityFloodIsEnded(t *testing.T) {
	opened(t, echo).floods(func(w *http2.Framer, n int) error {
		return w.WritePriority(uint32(2*n+3), http2.PriorityParam{StreamDep: 1, Weight: 7})
	})
}

func TestAFloodOfUnknownFramesIsEnded(t *testing.T) {
	opened(t, echo).floods(func(w *http2.Framer, n int) error { return w.WriteRawFrame(0xbe, 0, 0, nil) })
}

func TestAFloodOfDataForRefusedCallsIsEnded(t *testing.T) {
	r := opened(t, echo)
	if err := writeHeaders(r.w, 3, false, request(method)); err != nil {
		t.Fatal(err)
	}
	n := r.floods(func(w *http2.Framer, n int) error { return w.WriteData(3, false, make([]byte, 15<<10)) })
	if n > allowance/8 {
		t.Errorf("%d frames of 15 KiB were taken", n)
	}
}

// Pings are answered, and the answers are read by nobody; messages between them earn the right to ask on.
func TestAnswersThatNobodyReadsAreNotKept(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	s := newStream(t.Context(), far, far, false, 100)
	s.opened, s.highest = true, streamID
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := s.Recv(); err != nil {
				ended <- err
				return
			}
		}
	}()
	w := http2.NewFramer(near, nil)
	for n := 0; w.WriteSettings() == nil; n++ {
		if n%perMessage == 0 {
			_ = w.WriteData(streamID, false, message1("more"))
		}
		if n > 2*maxPending/9+most {
			t.Fatal("it goes on")
		}
	}
	if err := <-ended; status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	if n := s.pending.Cap(); n > 2*maxPending {
		t.Errorf("%d bytes of answers are kept", n)
	}
}

// A block of 16 KB that unfolds to 47 MB of fields by references to one entry of the table.
func TestABlockThatUnfoldsIsEnded(t *testing.T) {
	bomb := block([2]string{"x", string(bytes.Repeat([]byte{'a'}, 3900))})
	for len(bomb) < 16000 {
		bomb = append(bomb, 0x80|62) // the newest entry of the table
	}
	n := opened(t, echo).floods(func(w *http2.Framer, n int) error {
		return w.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*n + 3), BlockFragment: bomb, EndHeaders: true})
	})
	if n > 2 {
		t.Errorf("%d of them were taken", n)
	}
}

func TestAHugeListOfHeadersIsEnded(t *testing.T) {
	var fields [][2]string
	for range 2 * maxHeaders / 34 {
		fields = append(fields, [2]string{"x", "y"})
	}
	n := opened(t, echo).floods(func(w *http2.Framer, n int) error {
		return headers(uint32(2*n+3), false, fields...)(w)
	})
	if n > 2 {
		t.Errorf("%d of them were taken", n)
	}
}

// The same before it is known what a connection is for.
func TestAHugeListOfHeadersOpensNothing(t *testing.T) {
	fields := [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", method}, {"content-type", "application/grpc"},
	}
	for range 2 * maxHeaders / 34 {
		fields = append(fields, [2]string{"x", "y"})
	}
	r := against(t, func(*Stream) error { t.Error("it was served"); return nil })
	if err := r.w.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	_ = r.w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(fields...), EndHeaders: true})
	r.last()
}

func TestWhoSaysNothingIsHungUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, said := range []string{"", http2.ClientPreface[:10], http2.ClientPreface} {
			near, far := net.Pipe()
			began := time.Now()
			go (&Server{Path: method}).conn(far, nil)
			go func() { _, _ = io.WriteString(near, said) }()
			if _, err := io.Copy(io.Discard, near); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(began); waited > helloLimit {
				t.Errorf("after %q it took %v", said, waited)
			}
			near.Close()
		}
	})
}

// Those who say nothing keep nobody out: the longest silent one gives way, whatever he has begun.
func TestTheLongestSilentStrangerGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Path: method}
		var first net.Conn
		for n := range maxStrangers + 1 {
			near, far := net.Pipe()
			if n == 0 {
				first = near
			}
			go s.conn(far, nil)
			time.Sleep(time.Millisecond)
		}
		began := time.Now()
		if _, err := io.Copy(io.Discard, first); err != nil || time.Since(began) > 0 {
			t.Errorf("the first was not hung up on at once: %v", err)
		}
		if n := count(&s.strangers); n != maxStrangers {
			t.Errorf("%d have a place", n)
		}
		time.Sleep(helloLimit + time.Second)
		if n := count(&s.strangers); n != 0 {
			t.Errorf("%d are still waited for", n)
		}
	})
}

// The stream is open, and nothing is said on it; and the same with somebody who is admitted.
func TestAStreamWithoutAFirstMessageIsEndedUnlessItsCallerIsAdmitted(t *testing.T) {
	for _, admitted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ended := false
			r := opened(t, func(s *Stream) error {
				if admitted {
					Admit(s.Context())
				}
				_, err := s.Recv()
				ended = true
				return err
			})
			_ = r.conn.SetDeadline(time.Time{})
			time.Sleep(helloLimit + time.Second)
			synctest.Wait()
			if ended == admitted {
				t.Errorf("admitted %v, ended %v", admitted, ended)
			}
			r.conn.Close()
			synctest.Wait()
		})
	}
}

// A message of 8 MiB is announced, and its sender waits: what has not come is not there.
func TestAMessageThatIsOnlyAnnouncedTakesNoMemory(t *testing.T) {
	var streams []*raw
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 20 {
		r := opened(t, echo)
		if err := r.w.WriteData(streamID, false, []byte{0, 0, 0x80, 0, 0, 'x'}); err != nil {
			t.Fatal(err)
		}
		r.ping()
		streams = append(streams, r)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc-before.HeapAlloc) >> 20; grown > 2*20 {
		t.Errorf("twenty announcements of 8 MiB hold %d MiB", grown)
	}
	runtime.KeepAlive(streams)
}

// Somebody who isn't known yet has less to say than somebody who is.
func TestAFirstMessageIsShort(t *testing.T) {
	at, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	serveUntilTheEnd(t, &Server{Path: method, Handle: echo, MaxFirst: 100, MaxMessage: 1000}, at)
	for first, want := range map[int]codes.Code{100: codes.OK, 101: codes.ResourceExhausted} {
		c := dial(t, "unix:"+at.Addr().String())
		for _, size := range []int{first, 1000} {
			if err := c.Send(message(size)); err != nil && want == codes.OK {
				t.Fatal(err)
			}
			if _, err := c.Recv(); status.Code(err) != want {
				t.Errorf("first %d bytes, now %d: %v", first, size, err)
			}
		}
	}
}

// Keepalive is no flood: it may go on for ever.
func TestAPingNowAndThenIsWelcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		s := newStream(t.Context(), far, far, false, 100)
		go func() { _, _ = s.Recv() }()
		r := newRaw(t, near)
		go r.listen()
		for range 10 * allowance {
			r.ping()
			time.Sleep(PingsApart)
		}
		s.Close()
		near.Close()
	})
}

// Who hears much and has nothing to say opens windows, and measures how long the way is: a ping for each message.
func TestWhoOnlyListensIsWelcome(t *testing.T) {
	near, far := net.Pipe()
	s := newStream(t.Context(), far, far, false, 100)
	s.opened, s.highest = true, streamID
	ended := make(chan error, 1)
	go func() { _, err := s.Recv(); ended <- err }()
	r := newRaw(t, near)
	go r.listen()
	for range 2 * allowance {
		if err := s.Send([]byte("listen")); err != nil {
			t.Fatal(err)
		}
		err := errors.Join(r.w.WriteWindowUpdate(0, 20), r.w.WriteWindowUpdate(streamID, 20),
			r.w.WritePing(false, [8]byte{}))
		if err != nil || !r.hears(line(data(message1("listen")))) {
			t.Fatal("it was hung up on: ", err)
		}
	}
	s.Close()
	<-ended
}

func TestAcceptingGoesOnAfterTooManyOpenFiles(t *testing.T) {
	at, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Path: method, Handle: echo, MaxMessage: 1 << 20}
	serveUntilTheEnd(t, s, accepttest.Exhausted(at, 2))
	c := dial(t, "unix:"+at.Addr().String())
	if err := c.Send([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Recv(); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

// A listener that has ended says why, and those to whom connections are handed on learn of it.
func TestAListenerThatEndsByItselfIsAnError(t *testing.T) {
	at, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	others := NewOthers(at)
	if err := (&Server{Path: method}).Serve(accepttest.Broken{Listener: at}, others); !errors.Is(err, syscall.EBADF) {
		t.Error(err)
	}
	if _, err := others.Accept(); err == nil {
		t.Error("the others go on waiting")
	}
}

// The third ping that comes too early, while we say nothing, is the last.
func TestPingsThatComeTooOftenAreEnded(t *testing.T) {
	n := opened(t, echo).floods(func(w *http2.Framer, _ int) error { return w.WritePing(false, [8]byte{}) })
	if n > maxStrikes+4 {
		t.Errorf("%d pings were taken", n)
	}
}

func serveUntilTheEnd(t *testing.T, s *Server, at net.Listener) {
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(at, NewOthers(at)) }()
	t.Cleanup(func() {
		at.Close()
		s.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func count(s *strangers) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.here)
}
