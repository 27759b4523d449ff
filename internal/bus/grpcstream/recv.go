package grpcstream

import (
	"encoding/binary"
	"errors"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Recv returns the next message, which is the caller's. It returns io.EOF when the other side ended the stream well, and a
// status error when it didn't.
func (s *Stream) Recv() ([]byte, error) { return s.RecvInto(nil) }

// RecvInto is Recv that reads the message into used, from its beginning, if it has the room.
func (s *Stream) RecvInto(used []byte) ([]byte, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	var prefix [prefixSize]byte
	if err := s.fill(prefix[:]); err != nil {
		return nil, s.end(err)
	}
	size := binary.BigEndian.Uint32(prefix[1:])
	switch {
	case prefix[0] != 0:
		return nil, s.end(status.Error(codes.Unimplemented, "compressed messages are not taken"))
	case int64(size) > int64(s.max):
		return nil, s.end(status.Errorf(codes.ResourceExhausted, "a message of %d bytes is longer than %d", size, s.max))
	}
	message := used[:0]
	if int(size) > cap(used) {
		message = make([]byte, 0, size)
	}
	message = message[:size]
	if err := s.fill(message); err != nil {
		if errors.Is(err, io.EOF) {
			err = status.Error(codes.Internal, "the stream ended within a message")
		}
		return nil, s.end(err)
	}
	return message, nil
}

// end remembers why the stream ended, so that every later Recv says the same.
func (s *Stream) end(err error) error {
	if s.ended == nil {
		var known interface{ GRPCStatus() *status.Status }
		if !errors.Is(err, io.EOF) && !errors.As(err, &known) {
			err = status.Error(codes.Unavailable, err.Error())
		}
		s.ended = err
		s.cancel()
		s.mu.Lock()
		s.room.close()
		s.mu.Unlock()
	}
	return s.ended
}

// fill reads the stream's DATA into p, and serves what comes between.
func (s *Stream) fill(p []byte) error {
	for len(p) > 0 {
		if s.ended != nil {
			return s.ended
		}
		if s.left == 0 {
			if err := s.next(); err != nil {
				return err
			}
			continue
		}
		n, err := io.ReadFull(s.in, p[:min(len(p), s.left)])
		if err != nil {
			return lost(err)
		}
		p = p[n:]
		if s.left -= n; s.left == 0 {
			if err := s.endOfData(); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost is what an error of the socket means: the end of a connection is no good end of a stream.
func lost(err error) error {
	return status.Errorf(codes.Unavailable, "the connection was lost: %v", err)
}

// next reads one frame: the header of a DATA frame, or all of another one.
func (s *Stream) next() error {
	header, err := s.in.Peek(frameSize)
	if err != nil {
		return lost(err)
	}
	h := parseHeader(header)
	_, _ = s.in.Discard(frameSize)
	if h.length > ourFrame {
		return protocolError("a frame of %d bytes", h.length)
	}
	if h.kind != typeData {
		return s.onControl(h)
	}
	return s.onData(h)
}

func (s *Stream) onData(h frameHeader) error {
	s.frame, s.left, s.padding = h, h.length, 0
	if h.has(flagPadded) {
		pad, err := s.in.ReadByte()
		if err != nil {
			return lost(err)
		}
		if int(pad) >= h.length {
			return protocolError("more padding than frame")
		}
		s.padding = int(pad)
		s.left -= 1 + int(pad)
	}
	if h.stream != streamID { // of a stream that we refused
		s.padding += s.left
		s.left = 0
	}
	if s.left == 0 {
		return s.endOfData()
	}
	return nil
}

// endOfData is called at the end of each DATA frame: it skips the padding, refills the window, and notices the end.
func (s *Stream) endOfData() error {
	if s.padding > 0 {
		if _, err := s.in.Discard(s.padding); err != nil {
			return lost(err)
		}
	}
	s.consumed += s.frame.length
	if s.consumed >= ourWindow/2 {
		n := s.consumed
		s.consumed = 0
		err := s.control(func(b []byte) []byte { return appendWindowUpdate(appendWindowUpdate(b, 0, n), streamID, n) })
		if err != nil {
			return lost(err)
		}
	}
	if s.frame.stream == streamID && s.frame.has(flagEndStream) {
		if s.client {
			return status.Error(codes.Internal, "the server ended the stream without a status")
		}
		s.ended = io.EOF
	}
	return nil
}
