package grpcstream

import (
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// What RFC 9113 asks of the one stream that we serve, in our words. A case writes frames on a connection whose stream
// is open. Where hangsUp is empty the stream must go on; else the connection must end, with that code. An error of a
// stream is one of its connection here, as section 5.4.1 allows.
type conformance struct {
	rule    string
	write   func(w *http2.Framer) error
	hangsUp string
}

const (
	protocolError = "PROTOCOL_ERROR"
	frameSize     = "FRAME_SIZE_ERROR"
	flowControl   = "FLOW_CONTROL_ERROR"
	streamClosed  = "STREAM_CLOSED"
	compression   = "COMPRESSION_ERROR"
)

// rawFrame writes a frame that Framer's own methods wouldn't.
func rawFrame(kind http2.FrameType, flags http2.Flags, stream uint32, payload string) func(*http2.Framer) error {
	return func(w *http2.Framer) error { return w.WriteRawFrame(kind, flags, stream, []byte(payload)) }
}

func dataOn(stream uint32, last bool, payload string) func(*http2.Framer) error {
	return func(w *http2.Framer) error { return w.WriteData(stream, last, []byte(payload)) }
}

func windowOf(stream, n uint32) func(*http2.Framer) error {
	return func(w *http2.Framer) error { return w.WriteWindowUpdate(stream, n) }
}

func resetOf(stream uint32, code http2.ErrCode) func(*http2.Framer) error {
	return func(w *http2.Framer) error { return w.WriteRSTStream(stream, code) }
}

func continued(stream uint32, last bool, block string) func(*http2.Framer) error {
	return func(w *http2.Framer) error { return w.WriteContinuation(stream, last, []byte(block)) }
}

func settings(id http2.SettingID, value uint32) func(*http2.Framer) error {
	return func(w *http2.Framer) error { return w.WriteSettings(http2.Setting{ID: id, Val: value}) }
}

// headers writes a whole block.
func headers(stream uint32, last bool, fields ...[2]string) func(*http2.Framer) error {
	return func(w *http2.Framer) error {
		return w.WriteHeaders(http2.HeadersFrameParam{
			StreamID: stream, BlockFragment: block(fields...), EndStream: last, EndHeaders: true,
		})
	}
}

// call are the fields of a request, with more behind them.
func call(more ...[2]string) [][2]string {
	return append([][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/other.Service/Method"}}, more...)
}

func all(writes ...func(*http2.Framer) error) func(*http2.Framer) error {
	return func(w *http2.Framer) error {
		for _, write := range writes {
			if err := write(w); err != nil {
				return err
			}
		}
		return nil
	}
}

const endHeaders = http2.FlagHeadersEndHeaders

// ofEither are the rules for both sides.
var ofEither = []conformance{
	{"4.1: a type that is unknown is passed over", rawFrame(0xbe, 0xff, 0, "whatever"), ""},
	{"4.1: a type that is unknown is passed over on a stream, long or short",
		rawFrame(0xbe, 0, 1, strings.Repeat("x", 100_000)), ""},
	{"4.1: flags that mean nothing are passed over", rawFrame(http2.FramePing, 0xfe, 0, "12345678"), ""},
	{"4.1: the reserved bit of a stream's number is passed over",
		rawFrame(http2.FrameWindowUpdate, 0, 1<<31|1, "\x00\x00\x00\x01"), ""},

	{"5.1: data of a stream that nobody opened", dataOn(5, false, "x"), protocolError},
	{"5.1: a window of a stream that nobody opened", windowOf(5, 1), protocolError},
	{"5.1: a reset of a stream that nobody opened", resetOf(5, http2.ErrCodeCancel), protocolError},
	{"5.1: a priority of a stream that nobody opened", rawFrame(http2.FramePriority, 0, 5, "\x00\x00\x00\x01\x00"), ""},

	{"6.1: data of no stream", rawFrame(http2.FrameData, 0, 0, "x"), protocolError},
	{"6.1: as much padding as frame", rawFrame(http2.FrameData, http2.FlagDataPadded, 1, "\x02x"), protocolError},
	{"6.1: padding in a frame that has no room for its length",
		rawFrame(http2.FrameData, http2.FlagDataPadded, 1, ""), frameSize},
	{"6.1: padding is no data",
		func(w *http2.Framer) error { return w.WriteDataPadded(1, false, nil, make([]byte, 200)) }, ""},
	{"6.1: empty data is nothing", dataOn(1, false, ""), ""},
	{"6.2: headers of no stream", rawFrame(http2.FrameHeaders, endHeaders, 0, "\x82"), protocolError},
	{"6.2: more padding than headers",
		rawFrame(http2.FrameHeaders, endHeaders|http2.FlagHeadersPadded, 3, "\x09\x82"), protocolError},
	{"6.3: a priority of no stream", rawFrame(http2.FramePriority, 0, 0, "\x00\x00\x00\x00\x00"), protocolError},
	{"6.3: a priority of four bytes", rawFrame(http2.FramePriority, 0, 1, "\x00\x00\x00\x00"), frameSize},
	{"6.4: a reset of no stream", rawFrame(http2.FrameRSTStream, 0, 0, "\x00\x00\x00\x08"), protocolError},
	{"6.4: a reset of three bytes", rawFrame(http2.FrameRSTStream, 0, 1, "\x00\x00\x00"), frameSize},
	{"6.5: settings of a stream", rawFrame(http2.FrameSettings, 0, 1, ""), protocolError},
	{"6.5: settings of seven bytes", rawFrame(http2.FrameSettings, 0, 0, "1234567"), frameSize},
	{"6.5: an acknowledgement that says more",
		rawFrame(http2.FrameSettings, http2.FlagSettingsAck, 0, "123456"), frameSize},
	{"6.5.2: settings that are unknown are passed over", settings(0x99, 7), ""},
	{"6.5.2: pushing that is neither on nor off", settings(http2.SettingEnablePush, 2), protocolError},
	{"6.5.2: a first window of 2 GiB", settings(http2.SettingInitialWindowSize, 1<<31), flowControl},
	{"6.5.2: a longest frame that is too short", settings(http2.SettingMaxFrameSize, 1<<14-1), protocolError},
	{"6.5.2: a longest frame that is too long", settings(http2.SettingMaxFrameSize, 1<<24), protocolError},
	{"6.5.3: a setting that stands twice counts the second time", func(w *http2.Framer) error {
		none := http2.Setting{ID: http2.SettingInitialWindowSize}
		return w.WriteSettings(none, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	}, ""},
	{"6.6: a push",
		rawFrame(http2.FramePushPromise, http2.FlagPushPromiseEndHeaders, 1, "\x00\x00\x00\x02\x82"), protocolError},
	{"6.7: a ping of a stream", rawFrame(http2.FramePing, 0, 1, "12345678"), protocolError},
	{"6.7: a ping of seven bytes", rawFrame(http2.FramePing, 0, 0, "1234567"), frameSize},
	{"6.7: an answer to a ping that nobody sent is passed over",
		rawFrame(http2.FramePing, http2.FlagPingAck, 0, "12345678"), ""},
	{"6.8: a farewell on a stream", rawFrame(http2.FrameGoAway, 0, 1, "\x00\x00\x00\x01\x00\x00\x00\x00"),
		protocolError},
	{"6.8: after a farewell the stream goes on",
		func(w *http2.Framer) error { return w.WriteGoAway(streamID, http2.ErrCodeNo, nil) }, ""},
	{"6.9: a window of three bytes", rawFrame(http2.FrameWindowUpdate, 0, 0, "\x00\x00\x01"), frameSize},
	{"6.9: a window that grows by nothing", rawFrame(http2.FrameWindowUpdate, 0, 0, "\x00\x00\x00\x00"), protocolError},
	{"6.9: a stream's window that grows by nothing",
		rawFrame(http2.FrameWindowUpdate, 0, 1, "\x00\x00\x00\x00"), protocolError},
	{"6.9.1: a window of the connection beyond 2 GiB", windowOf(0, maxWindow), flowControl},
	{"6.9.1: a window of the stream beyond 2 GiB", windowOf(1, maxWindow), flowControl},
	{"6.9.2: a first window that makes the stream's larger than 2 GiB", all(
		windowOf(1, maxWindow-defaultWindow),
		settings(http2.SettingInitialWindowSize, defaultWindow+1),
	), flowControl},
	{"6.10: a continuation of nothing", continued(1, true, "\x82"), protocolError},
	{"6.10: a block that is continued on another stream", all(
		rawFrame(http2.FrameHeaders, 0, 3, "\x82"), continued(5, true, "\x87"),
	), protocolError},
	{"6.10: a block that something else interrupts", all(
		rawFrame(http2.FrameHeaders, 0, 3, "\x82"), rawFrame(http2.FramePing, 0, 0, "12345678"),
	), protocolError},
	{"RFC 7541, 2.3.3: a header that no table has",
		rawFrame(http2.FrameHeaders, endHeaders, 3, "\xff\xff\x01"), compression},
	{"RFC 7541, 4.2: a table that is larger than we allow",
		rawFrame(http2.FrameHeaders, endHeaders, 3, "\x3f\xe2\x1f\x82"), compression},
}

// ofServers are what a server has to do with what a client writes.
var ofServers = []conformance{
	{"5.1.1: a client's stream with an even number", headers(2, false, call()...), protocolError},
	{"5.1.1: a stream that is older than the last",
		all(headers(5, true, call()...), headers(3, true, call()...)), streamClosed},
	{"5.1.1: a stream that is opened twice", all(headers(3, true, call()...), headers(3, true, call()...)),
		streamClosed},
	{"5.1.2: a further call is refused", headers(3, true, call()...), ""},
	{"5.1.2: what still comes of a refused call is passed over", all(
		headers(3, false, call()...), dataOn(3, false, string(message1("unheard"))),
		windowOf(3, 1),
		resetOf(3, http2.ErrCodeCancel),
	), ""},
	{"6.2: headers with padding and priority", func(w *http2.Framer) error {
		return w.WriteHeaders(http2.HeadersFrameParam{
			StreamID: 3, BlockFragment: block(call()...), EndHeaders: true, EndStream: true,
			PadLength: 9, Priority: http2.PriorityParam{StreamDep: 1, Exclusive: true, Weight: 9}})
	}, ""},
	{"6.10: a block in pieces", func(w *http2.Framer) error {
		b := block(call()...)
		return errors.Join(w.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: b[:5]}),
			w.WriteContinuation(3, false, b[5:6]), w.WriteContinuation(3, true, b[6:]))
	}, ""},
	{"8.1: trailers that don't end the stream", headers(1, false, [2]string{"x", "y"}), protocolError},
	{"8.1: trailers with what only requests have", headers(1, true, [2]string{":path", "/"}), protocolError},
	{"8.2: a name in upper case", headers(3, true, call([2]string{"X-Name", "y"})...), protocolError},
	{"8.2.1: a name with a space", headers(3, true, call([2]string{"x name", "y"})...), protocolError},
	{"8.2.1: a value with a line's end", headers(3, true, call([2]string{"x", "y\r\nz: 1"})...), protocolError},
	{"8.2.2: a header that is the connection's",
		headers(3, true, call([2]string{"connection", "close"})...), protocolError},
	{"8.2.2: a transfer encoding", headers(3, true, call([2]string{"transfer-encoding", "chunked"})...), protocolError},
	{"8.2.2: te that isn't trailers", headers(3, true, call([2]string{"te", "gzip"})...), protocolError},
	{"8.3: a pseudo-header behind the others",
		headers(3, true, append(call([2]string{"x", "y"}), [2]string{":path", "/"})...), protocolError},
	{"8.3: a pseudo-header that is unknown", headers(3, true, call([2]string{":color", "green"})...), protocolError},
	{"8.3: a pseudo-header that is an answer's", headers(3, true, call(ok)...), protocolError},
	{"8.3: a pseudo-header twice", headers(3, true, call([2]string{":path", "/"})...), protocolError},
}

func TestAServerDoesWhatTheStandardAsks(t *testing.T) {
	for _, c := range append(ofEither, ofServers...) {
		t.Run(c.rule, func(t *testing.T) { c.check(t, opened(t, echo)) })
	}
}

func (c conformance) check(t *testing.T, r *raw) {
	err := c.write(r.w)
	if c.hangsUp == "" {
		if err != nil || !r.echoes() {
			t.Errorf("the stream doesn't go on: %v", err)
		}
		return
	}
	if got := r.last(); got != "goaway "+c.hangsUp {
		t.Errorf("the last that was said is %q, not a farewell with %s", got, c.hangsUp)
	}
}

// ok is how an answer begins.
var ok = [2]string{":status", "200"}

// answered is a client of ours whose server has sent its headers; what the server sends comes back from it.
func answered(t *testing.T) *raw {
	t.Helper()
	r, s := called(t)
	go func() {
		for {
			m, err := s.Recv()
			if err != nil || s.Send(m) != nil {
				s.Close()
				return
			}
		}
	}()
	if err := writeHeaders(r.w, streamID, false, response()); err != nil {
		t.Fatal(err)
	}
	return r
}

// called is a client of ours, and its server, which has sent settings.
func called(t *testing.T) (*raw, *Stream) {
	t.Helper()
	near, far := net.Pipe()
	s := newStream(t.Context(), far, far, true, 1<<20)
	t.Cleanup(func() { s.Close() })
	r := newRaw(t, near)
	go r.listen()
	if err := s.now(func(w *http2.Framer) error {
		return writeHeaders(w, streamID, false,
			request(method))
	}); err != nil {
		t.Fatal(err)
	}
	return r, s
}

// ofClients are what a client has to do with what a server writes.
var ofClients = []conformance{
	{"5.1.1: headers of a stream that we never opened", headers(3, false, ok), protocolError},
	{"6.5.2: a server that wants to be pushed to", settings(http2.SettingEnablePush, 1), protocolError},
	{"6.5.2: a server that wants no pushes", settings(http2.SettingEnablePush, 0), ""},
	{"8.1: headers twice", headers(1, false, ok), protocolError},
	{"8.3: a pseudo-header that is a request's", headers(1, true, [2]string{":path", "/"}), protocolError},
}

func TestAClientDoesWhatTheStandardAsks(t *testing.T) {
	for _, c := range append(ofEither, ofClients...) {
		t.Run(c.rule, func(t *testing.T) { c.check(t, answered(t)) })
	}
}

// What a stream ends with, by how the server ends it.
func TestAClientLearnsHowTheServerEnds(t *testing.T) {
	for _, c := range []struct {
		how   string
		write func(*http2.Framer) error
		want  string
	}{
		{"8.1: an answer that is still to come is none",
			all(headers(1, false, [2]string{":status", "103"}), headers(1, true, ok, [2]string{"grpc-status", "0"})),
			"EOF"},
		{"data before headers", dataOn(1, false, "x"), "PROTOCOL_ERROR"},
		{"an answer that is no gRPC", headers(1, true, [2]string{":status", "404"}), `"404"`},
		{"8.1: a stream that ends without trailers",
			all(headers(1, false, ok), dataOn(1, true, "")), "without a status"},
		{"a status that says nothing",
			headers(1, true, ok, [2]string{"grpc-status", "x"}), "without a status"},
		{"6.4: a reset", resetOf(1, http2.ErrCodeRefusedStream), "REFUSED_STREAM"},
		{"6.8: a farewell before our call",
			func(w *http2.Framer) error { return w.WriteGoAway(0, http2.ErrCodeNo, nil) }, "doesn't take the call"},
		{"an end within a message",
			all(headers(1, false, ok), dataOn(1, true, string(message1("whole")[:7]))), "without a status"},
	} {
		t.Run(c.how, func(t *testing.T) {
			r, s := called(t)
			ended := make(chan error, 1)
			go func() { _, err := s.Recv(); ended <- err }()
			if err := c.write(r.w); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it ended with %v, not with %s", err, c.want)
			}
		})
	}
}

// 3.4 and 8.3.1: what isn't a call of ours from the beginning isn't served by us.
func TestOnlyACallOfOursIsServed(t *testing.T) {
	hello, long := settings(0x99, 0), strings.Repeat("x", maxControl+1)
	kind, gzip := [2]string{"content-type", "application/grpc"}, [2]string{"grpc-encoding", "gzip"}
	ours := func(verb string, more ...[2]string) [][2]string {
		return append([][2]string{{":method", verb}, {":scheme", "http"}, {":path", method}}, more...)
	}
	for name, write := range map[string]func(*http2.Framer) error{
		"no settings first":                headers(1, false, call()...),
		"a first stream that isn't 1":      all(hello, headers(3, false, ours("POST", kind)...)),
		"another path":                     all(hello, headers(1, false, call(kind)...)),
		"what is no gRPC":                  all(hello, headers(1, false, ours("POST")...)),
		"messages that may be compressed":  all(hello, headers(1, false, ours("POST", kind, gzip)...)),
		"a method that isn't POST":         all(hello, headers(1, false, ours("GET", kind)...)),
		"a block that can't be decoded":    all(hello, rawFrame(http2.FrameHeaders, endHeaders, 1, "\xff\xff\x01")),
		"a frame that is too long so soon": all(hello, rawFrame(http2.FrameHeaders, endHeaders, 1, long)),
	} {
		t.Run(name, func(t *testing.T) {
			r := against(t, func(*Stream) error { t.Error("it was served"); return nil })
			_ = write(r.w) // it may be hung up on within
			for said := range r.said {
				if said != "settings ack false" {
					t.Errorf("it was answered: %s", said)
				}
			}
		})
	}
}

// 6.9: not a byte more than the other side takes, and in frames no longer than it takes.
func TestNoMoreIsSentThanTheWindowsAllow(t *testing.T) {
	r := against(t, echo)
	if err := r.w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 7}); err != nil {
		t.Fatal(err)
	}
	if err := writeHeaders(r.w, streamID, false, request(method)); err != nil {
		t.Fatal(err)
	}
	sent := message1("in pieces")
	if err := r.w.WriteData(streamID, false, sent); err != nil {
		t.Fatal(err)
	}
	if first := line(data(sent[:7])); !r.hears(first) {
		t.Fatalf("%s did not come", first)
	}
	if err := r.w.WriteWindowUpdate(streamID, 100); err != nil {
		t.Fatal(err)
	}
	if rest := line(data(sent[7:])); !r.hears(rest) {
		t.Errorf("%s did not come", rest)
	}
}

// data is a frame as a peer reads it.
func data(payload []byte) http2.Frame {
	var f http2.Frame
	var err error
	b := frames(func(w *http2.Framer) error { return w.WriteData(streamID, false, payload) })
	if f, err = http2.NewFramer(nil, strings.NewReader(string(b))).ReadFrame(); err != nil {
		panic(err)
	}
	return f
}

// 6.5.3, 6.7: settings are acknowledged, and a ping is answered with what it said.
func TestSettingsAndPingsAreAnswered(t *testing.T) {
	r := opened(t, echo)
	if err := r.w.WriteSettings(); err != nil || !r.hears("settings ack true") {
		t.Error("no acknowledgement: ", err)
	}
	var said [8]byte
	binary.BigEndian.PutUint64(said[:], 0x1234567890abcdef)
	if err := r.w.WritePing(false, said); err != nil || !r.hears(`ping "\x124Vx\x90\xab\xcd\xef" ack true`) {
		t.Error("no answer: ", err)
	}
}

// 8.1: a client may end its side; what the server still has to say comes, and then its status.
func TestTheServerGoesOnWhenTheClientHasSentItsLast(t *testing.T) {
	r := opened(t, echo)
	if err := r.w.WriteData(streamID, true, message1("last")); err != nil {
		t.Fatal(err)
	}
	if !r.hears(line(data(message1("last")))) || !r.hears(`headers 1 status "0"`) || !r.hears("goaway NO_ERROR") {
		t.Error("the end was another")
	}
}
