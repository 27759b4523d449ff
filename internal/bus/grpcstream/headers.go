package grpcstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// onHeaders takes a header block: the first of our stream, its trailers, or a request on a further stream.
func (s *Stream) onHeaders(f *http2.MetaHeadersFrame) error {
	if err := wellFormed(f); err != nil {
		return err
	}
	switch {
	case f.StreamID != streamID:
		return s.refuse(f.StreamID)
	case s.opened && (!f.StreamEnded() || len(f.PseudoFields()) > 0):
		return violation{http2.ErrCodeProtocol, "trailers that don't end the stream"}
	case s.client:
		return s.onResponse(f)
	}
	s.opened, s.highest = true, max(s.highest, f.StreamID)
	s.last = f.StreamEnded()
	return nil
}

// onResponse takes the server's headers or trailers.
func (s *Stream) onResponse(f *http2.MetaHeadersFrame) error {
	if !s.opened {
		switch code := f.PseudoValue("status"); {
		case strings.HasPrefix(code, "1") && !f.StreamEnded():
			return nil // the answer is still to come
		case code != "200":
			return status.Errorf(codes.Unavailable, "the server answers with HTTP status %q", code)
		}
	}
	s.opened = true
	if f.StreamEnded() {
		return ending(f)
	}
	return nil
}

// connectionFields mean something to HTTP/1.1's connections and may not be sent.
var connectionFields = []string{"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"}

// wellFormed checks what the Framer doesn't.
func wellFormed(f *http2.MetaHeadersFrame) error {
	if f.Truncated {
		return violation{http2.ErrCodeEnhanceYourCalm, "too many headers"}
	}
	for _, field := range f.RegularFields() {
		if slices.Contains(connectionFields, field.Name) || field.Name == "te" && field.Value != "trailers" {
			return violation{http2.ErrCodeProtocol, "a header of HTTP/1.1's: " + field.Name}
		}
	}
	return nil
}

// refuse answers a call on a further stream: a connection of ours carries one.
func (s *Stream) refuse(stream uint32) error {
	switch {
	case s.client || stream%2 == 0 || !s.opened:
		return violation{http2.ErrCodeProtocol, fmt.Sprintf("headers on stream %d", stream)}
	case stream <= s.highest:
		return violation{http2.ErrCodeStreamClosed, fmt.Sprintf("headers on stream %d, which has ended", stream)}
	}
	s.highest = stream
	refusal := trailers(status.Error(codes.Unimplemented, "this connection carries one stream: open another one"))
	return s.control(func(w *http2.Framer) error {
		return writeHeaders(w, stream, true, append(response(), refusal...))
	})
}

// value is a header's, and whether there is one.
func value(f *http2.MetaHeadersFrame, name string) (string, bool) {
	for _, field := range f.RegularFields() {
		if field.Name == name {
			return field.Value, true
		}
	}
	return "", false
}

// ending is how the server ended the stream: io.EOF or a status.
func ending(f *http2.MetaHeadersFrame) error {
	text, _ := value(f, "grpc-status")
	code, err := strconv.ParseUint(text, 10, 32)
	switch {
	case err != nil:
		return status.Error(codes.Internal, "the server ended the stream without a status")
	case code == 0:
		return io.EOF
	}
	escaped, _ := value(f, "grpc-message")
	message, err := url.PathUnescape(escaped)
	if err != nil {
		message = escaped
	}
	return status.Error(codes.Code(code), message)
}

func request(path string) []hpack.HeaderField {
	return []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: path},
		{Name: ":authority", Value: "localhost"},
		{Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}
}

func response() []hpack.HeaderField {
	return []hpack.HeaderField{{Name: ":status", Value: "200"}, {Name: "content-type", Value: "application/grpc"}}
}

// maxText is how much of a status message is sent, in bytes.
const maxText = 4 << 10

func trailers(err error) []hpack.HeaderField {
	st := status.Convert(err)
	fields := []hpack.HeaderField{{Name: "grpc-status", Value: strconv.Itoa(int(st.Code()))}}
	if m := st.Message(); m != "" {
		fields = append(fields,
			hpack.HeaderField{Name: "grpc-message", Value: url.PathEscape(m[:min(len(m), maxText)])})
	}
	return fields
}

// writeHeaders writes a block of a few short fields. The encoder is new each time, so no table has to be kept in step.
func writeHeaders(w *http2.Framer, stream uint32, last bool, fields []hpack.HeaderField) error {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.SetMaxDynamicTableSize(0)
	var err error
	for _, f := range fields {
		err = errors.Join(err, encoder.WriteField(f))
	}
	return errors.Join(err, w.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: block.Bytes(), EndStream: last, EndHeaders: true,
	}))
}
