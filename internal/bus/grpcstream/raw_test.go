package grpcstream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// raw is a peer that speaks HTTP/2 by the frame, well or badly, over a pipe: what was written has been read.
type raw struct {
	t    testing.TB
	conn net.Conn
	w    *http2.Framer
	said chan string // what the other side sent, a line for each frame; closed when it has hung up
}

func newRaw(t testing.TB, conn net.Conn) *raw {
	r := &raw{t: t, conn: conn, w: http2.NewFramer(conn, conn), said: make(chan string, 1<<12)}
	r.w.AllowIllegalWrites = true
	r.w.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	t.Cleanup(func() { conn.Close() })
	return r
}

// listen notes all that the other side sends.
func (r *raw) listen() {
	defer close(r.said)
	for {
		f, err := r.w.ReadFrame()
		if err != nil {
			return
		}
		r.said <- line(f)
	}
}

func line(f http2.Frame) string {
	switch f := f.(type) {
	case *http2.GoAwayFrame:
		return "goaway " + f.ErrCode.String()
	case *http2.RSTStreamFrame:
		return fmt.Sprintf("reset %d %v", f.StreamID, f.ErrCode)
	case *http2.PingFrame:
		return fmt.Sprintf("ping %q ack %v", f.Data[:], f.IsAck())
	case *http2.SettingsFrame:
		return fmt.Sprintf("settings ack %v", f.IsAck())
	case *http2.DataFrame:
		return fmt.Sprintf("data %d %q", f.StreamID, f.Data())
	case *http2.MetaHeadersFrame:
		status, _ := value(f, "grpc-status")
		return fmt.Sprintf("headers %d status %q", f.StreamID, status)
	}
	return f.Header().Type.String()
}

// hears waits until the other side has said a line; false: it hung up before.
func (r *raw) hears(want string) bool {
	for got := range r.said {
		if got == want {
			return true
		}
	}
	return false
}

// last is the last that the other side said before it hung up.
func (r *raw) last() (last string) {
	for said := range r.said {
		last = said
	}
	return last
}

// against is a client that has sent its preface to a Server whose handler is handle.
func against(t testing.TB, handle func(*Stream) error) *raw {
	t.Helper()
	near, far := net.Pipe()
	s := &Server{Path: method, Handle: handle, MaxMessage: 8 << 20}
	at, err := net.Listen("unix", t.TempDir()+"/s") // nobody calls it: what isn't served here is hung up on
	if err != nil {
		t.Fatal(err)
	}
	others := NewOthers(at)
	if err := others.Close(); err != nil {
		t.Fatal(err)
	}
	s.serving.Go(func() { s.conn(far, others) })
	t.Cleanup(func() { s.Close(); s.serving.Wait() })
	r := newRaw(t, near)
	_ = near.SetDeadline(time.Now().Add(20 * time.Second)) // a server that goes on fails a test, and doesn't hang it
	go r.listen()
	if _, err := near.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	return r
}

// opened is such a client that has opened the stream.
func opened(t testing.TB, handle func(*Stream) error) *raw {
	t.Helper()
	r := against(t, handle)
	if err := r.w.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	if err := writeHeaders(r.w, streamID, false, request(method)); err != nil {
		t.Fatal(err)
	}
	if !r.hears(`headers 1 status ""`) {
		t.Fatal("the stream was not opened")
	}
	return r
}

// message1 is a message as it stands in DATA.
func message1(text string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text))), text...)
}

// echoes tells whether the stream still carries messages.
func (r *raw) echoes() bool {
	m := message1("still here")
	return r.w.WriteData(streamID, false, m) == nil && r.hears(fmt.Sprintf("data 1 %q", m))
}

// ping asks whether all that was written has been read.
func (r *raw) ping() {
	r.t.Helper()
	if err := r.w.WritePing(false, [8]byte([]byte("all read"))); err != nil || !r.hears(`ping "all read" ack true`) {
		r.t.Fatal("no answer: ", err)
	}
}

// block encodes fields, with a table of 4 KiB whatever size it had before.
func block(fields ...[2]string) []byte {
	b := *bytes.NewBuffer([]byte{0x3f, 0xe1, 0x1f})
	e := hpack.NewEncoder(&b)
	for _, f := range fields {
		if err := e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}
