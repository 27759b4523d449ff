package grpcstream

import (
	"fmt"
	"io"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// maxControl bounds the frames that are read whole, in bytes. All but headers are a few bytes long.
	maxControl = 16 << 10
	// maxHeaders bounds a list of headers as HTTP/2 counts it: names, values, and 32 bytes for each field.
	maxHeaders = MaxHeaders
)

// MaxHeaders is what is announced and kept to on every way to a socket of ours.
const MaxHeaders = 16 << 10

// newFramer reads frames from in, headers decoded and checked, and writes frames to out.
func newFramer(out io.Writer, in io.Reader) *http2.Framer {
	f := http2.NewFramer(out, in)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.MaxHeaderListSize = maxHeaders
	f.SetMaxReadFrameSize(ourFrame)
	return f
}

// violation is what the other side did against HTTP/2, for which the connection is ended: with one stream on it, an
// error of the stream is one of the connection.
type violation struct {
	code http2.ErrCode
	text string
}

// Error says what it did.
func (v violation) Error() string {
	return fmt.Sprintf("the other side doesn't speak HTTP/2 as it should: %s (%v)", v.text, v.code)
}

// readError is what an error of the Framer means.
func readError(err error) error {
	switch e := err.(type) {
	case violation:
		return e
	case http2.ConnectionError:
		return violation{http2.ErrCode(e), "a frame"}
	case http2.StreamError:
		return violation{e.Code, fmt.Sprintf("a frame of stream %d: %v", e.StreamID, e.Cause)}
	}
	if err == http2.ErrFrameTooLarge {
		return violation{http2.ErrCodeFrameSize, err.Error()}
	}
	return lost(err)
}

// lost is what an error of the socket means: the end of a connection is no good end of a stream.
func lost(err error) error {
	return status.Errorf(codes.Unavailable, "the connection was lost: %v", err)
}

// known tells whether a client has opened a stream: ours, if it is we.
func (s *Stream) known(stream uint32) bool {
	if s.client {
		return stream == streamID
	}
	return stream%2 == 1 && stream <= s.highest
}

// onFrame serves what isn't DATA. PRIORITY and unknown types mean nothing here.
func (s *Stream) onFrame(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		return s.onHeaders(f)
	case *http2.SettingsFrame:
		return s.onSettings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			if !s.client {
				if err := s.pings.onPing(time.Now(), s.talked.Swap(false)); err != nil {
					return err
				}
			}
			data := f.Data
			return s.control(func(w *http2.Framer) error { return w.WritePing(true, data) })
		}
	case *http2.WindowUpdateFrame:
		return s.onWindowUpdate(f)
	case *http2.RSTStreamFrame:
		return s.onReset(f)
	case *http2.GoAwayFrame: // announces an end that comes by itself, unless our call wasn't even looked at
		if s.client && f.LastStreamID < streamID {
			return status.Errorf(codes.Unavailable, "the server doesn't take the call: %v", f.ErrCode)
		}
	case *http2.PushPromiseFrame:
		return violation{http2.ErrCodeProtocol, "a push"}
	}
	return nil
}

// onSettings takes over the settings that concern what we send.
func (s *Stream) onSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	err := f.ForeachSetting(func(one http2.Setting) error {
		if err := one.Valid(); err != nil {
			return readError(err)
		}
		if s.client && one.ID == http2.SettingEnablePush && one.Val != 0 {
			return violation{http2.ErrCodeProtocol, "a server that wants to be pushed to"}
		}
		return s.room.set(one)
	})
	if err != nil {
		return err
	}
	return s.control((*http2.Framer).WriteSettingsAck)
}

func (s *Stream) onWindowUpdate(f *http2.WindowUpdateFrame) error {
	if f.StreamID != 0 && !s.known(f.StreamID) {
		return violation{http2.ErrCodeProtocol, "a window of a stream that nobody opened"}
	}
	return s.room.grow(f.StreamID, int(f.Increment))
}

func (s *Stream) onReset(f *http2.RSTStreamFrame) error {
	switch {
	case !s.known(f.StreamID):
		return violation{http2.ErrCodeProtocol, "a reset of a stream that nobody opened"}
	case f.StreamID != streamID:
		return nil
	}
	return status.Errorf(codes.Canceled, "the other side ended the stream: %v", f.ErrCode)
}
