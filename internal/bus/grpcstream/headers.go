package grpcstream

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// block is the fields of one header block, those that mean something to us.
type block struct {
	path, code, message string
	hasCode             bool
	httpStatus          string
}

// onHeaders takes a header block: the server's headers or trailers, the client's trailers, or a request on a further stream.
func (s *Stream) onHeaders(h frameHeader, body []byte) error {
	fields, err := s.readBlock(h, body)
	if err != nil {
		return err
	}
	if h.stream != streamID {
		return s.refuse(h.stream)
	}
	if !s.client {
		if h.has(flagEndStream) {
			s.ended = io.EOF
		}
		return nil
	}
	if !s.started && fields.httpStatus != "200" {
		return status.Errorf(codes.Unavailable, "the server answers with HTTP status %s", fields.httpStatus)
	}
	s.started = true
	if h.has(flagEndStream) {
		return fields.ending()
	}
	return nil
}

// refuse answers a call on a further stream: a connection of ours carries one.
func (s *Stream) refuse(stream uint32) error {
	if s.client || stream%2 == 0 {
		return protocolError("headers on stream %d", stream)
	}
	err := status.Error(codes.Unimplemented, "this connection carries a bus stream and nothing else: open another connection")
	return s.control(func(b []byte) []byte { return appendTrailers(b, stream, true, err) })
}

// readBlock strips the padding and the priority, gathers continuations, and decodes.
func (s *Stream) readBlock(h frameHeader, body []byte) (block, error) {
	body, err := fragment(h, body)
	if err != nil {
		return block{}, err
	}
	for end := h.has(flagEndHeaders); !end; {
		var header [frameSize]byte
		if _, err := io.ReadFull(s.in, header[:]); err != nil {
			return block{}, lost(err)
		}
		more := parseHeader(header[:])
		if more.kind != typeContinuation || more.stream != h.stream || len(body)+more.length > maxHeaderBytes {
			return block{}, protocolError("a header block that isn't continued")
		}
		rest := make([]byte, more.length)
		if _, err := io.ReadFull(s.in, rest); err != nil {
			return block{}, lost(err)
		}
		body = append(body, rest...)
		end = more.has(flagEndHeaders)
	}
	return decodeBlock(s.headers, body)
}

// fragment is the part of a HEADERS frame's payload that is the header block.
func fragment(h frameHeader, body []byte) ([]byte, error) {
	padding := 0
	if h.has(flagPadded) {
		if len(body) == 0 {
			return nil, protocolError("padding in an empty frame")
		}
		padding, body = int(body[0]), body[1:]
	}
	if h.has(flagPriority) {
		if len(body) < 5 {
			return nil, protocolError("no room for a priority")
		}
		body = body[5:]
	}
	if padding > len(body) {
		return nil, protocolError("more padding than frame")
	}
	return body[:len(body)-padding], nil
}

func decodeBlock(decoder *hpack.Decoder, body []byte) (block, error) {
	fields, err := decoder.DecodeFull(body)
	if err != nil {
		return block{}, protocolError("headers: %v", err)
	}
	var b block
	for _, f := range fields {
		switch f.Name {
		case ":path":
			b.path = f.Value
		case ":status":
			b.httpStatus = f.Value
		case "grpc-status":
			b.code, b.hasCode = f.Value, true
		case "grpc-message":
			b.message = f.Value
		}
	}
	return b, nil
}

// ending is how the server ended the stream: io.EOF or a status.
func (b block) ending() error {
	code, err := strconv.ParseUint(b.code, 10, 32)
	switch {
	case !b.hasCode || err != nil:
		return status.Error(codes.Internal, "the server ended the stream without a status")
	case code == 0:
		return io.EOF
	}
	message, err := url.PathUnescape(b.message)
	if err != nil {
		message = b.message
	}
	return status.Error(codes.Code(code), message)
}

// encode makes a HEADERS frame. The encoder is new each time, so no table has to be kept in step.
func encode(b []byte, stream uint32, end bool, fields ...hpack.HeaderField) []byte {
	var buf bytes.Buffer
	encoder := hpack.NewEncoder(&buf)
	encoder.SetMaxDynamicTableSize(0)
	for _, f := range fields {
		_ = encoder.WriteField(f) // into memory
	}
	h := frameHeader{length: buf.Len(), kind: typeHeaders, flags: flagEndHeaders, stream: stream}
	if end {
		h.flags |= flagEndStream
	}
	return append(appendHeader(b, h), buf.Bytes()...)
}

func appendRequest(b []byte, scheme, authority, path string) []byte {
	return encode(b, streamID, false, hpack.HeaderField{Name: ":method", Value: "POST"}, hpack.HeaderField{Name: ":scheme", Value: scheme},
		hpack.HeaderField{Name: ":path", Value: path}, hpack.HeaderField{Name: ":authority", Value: authority},
		hpack.HeaderField{Name: "content-type", Value: "application/grpc"}, hpack.HeaderField{Name: "te", Value: "trailers"})
}

func appendResponseHeaders(b []byte) []byte {
	return encode(b, streamID, false, hpack.HeaderField{Name: ":status", Value: "200"}, hpack.HeaderField{Name: "content-type", Value: "application/grpc"})
}

// appendTrailers ends a stream with a status; alone, when no headers went before.
func appendTrailers(b []byte, stream uint32, alone bool, err error) []byte {
	st := status.Convert(err)
	var fields []hpack.HeaderField
	if alone {
		fields = append(fields, hpack.HeaderField{Name: ":status", Value: "200"}, hpack.HeaderField{Name: "content-type", Value: "application/grpc"})
	}
	fields = append(fields, hpack.HeaderField{Name: "grpc-status", Value: strconv.Itoa(int(st.Code()))})
	if m := st.Message(); m != "" {
		fields = append(fields, hpack.HeaderField{Name: "grpc-message", Value: escape(m)})
	}
	return encode(b, stream, true, fields...)
}

// escape is gRPC's percent-encoding of a status message: printable ASCII but '%' stays as it is.
func escape(m string) string {
	var out strings.Builder
	for i := range len(m) {
		if c := m[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}
