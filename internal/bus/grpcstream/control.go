package grpcstream

import (
	"encoding/binary"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxControl bounds the frames that are read whole. Settings, pings and windows are a few bytes; headers are bounded by
// what we decode of them.
const maxControl = maxHeaderBytes

func (s *Stream) onControl(h frameHeader) error {
	if h.length > maxControl {
		return protocolError("a frame of type %d and %d bytes", h.kind, h.length)
	}
	body := make([]byte, h.length)
	if _, err := io.ReadFull(s.in, body); err != nil {
		return lost(err)
	}
	switch h.kind {
	case typeHeaders:
		return s.onHeaders(h, body)
	case typeSettings:
		return s.onSettings(h, body)
	case typePing:
		return s.onPing(h, body)
	case typeWindowUpdate:
		return s.onWindowUpdate(h, body)
	case typeReset:
		return s.onReset(h, body)
	case typePush, typeContinuation:
		return protocolError("a frame of type %d where none may be", h.kind)
	}
	return nil // GOAWAY announces an end that will come by itself; PRIORITY and unknown types mean nothing here
}

func (s *Stream) onSettings(h frameHeader, body []byte) error {
	if h.has(flagAck) {
		return nil
	}
	if len(body)%6 != 0 {
		return protocolError("settings of %d bytes", len(body))
	}
	if err := s.apply(body); err != nil {
		return err
	}
	return s.control(func(b []byte) []byte { return appendHeader(b, frameHeader{kind: typeSettings, flags: flagAck}) })
}

// apply takes over the settings that concern what we send.
func (s *Stream) apply(body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; len(body) > 0; body = body[6:] {
		value := binary.BigEndian.Uint32(body[2:])
		switch binary.BigEndian.Uint16(body) {
		case settingWindow:
			if err := s.room.begin(value); err != nil {
				return err
			}
		case settingMaxFrame:
			if value < defaultFrame || value > ourFrame {
				return protocolError("a longest frame of %d bytes", value)
			}
			s.maxFrame = int(value)
		}
	}
	return nil
}

func (s *Stream) onPing(h frameHeader, body []byte) error {
	if len(body) != 8 {
		return protocolError("a ping of %d bytes", len(body))
	}
	if h.has(flagAck) {
		return nil
	}
	return s.control(func(b []byte) []byte {
		return append(appendHeader(b, frameHeader{length: 8, kind: typePing, flags: flagAck}), body...)
	})
}

func (s *Stream) onWindowUpdate(h frameHeader, body []byte) error {
	if len(body) != 4 {
		return protocolError("a window update of %d bytes", len(body))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room.give(h.stream, int(binary.BigEndian.Uint32(body)&maxWindow))
}

func (s *Stream) onReset(h frameHeader, body []byte) error {
	if len(body) != 4 {
		return protocolError("a reset of %d bytes", len(body))
	}
	if h.stream != streamID {
		return nil
	}
	if code := binary.BigEndian.Uint32(body); code != codeNone {
		return status.Errorf(codes.Canceled, "the other side ended the stream with code %d", code)
	}
	return io.EOF
}
