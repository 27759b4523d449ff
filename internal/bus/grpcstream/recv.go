package grpcstream

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// firstPiece is how much memory a message gets at once, in bytes. A longer one gets as much again each time that much
// has come: what is only announced costs nothing.
const firstPiece = 1 << 20

// payload is what is left of a DATA frame.
type payload struct {
	left, padding int
	last          bool // nothing comes behind it
}

// Recv returns the next message, which is the caller's. It returns io.EOF when the other side ended the stream well,
// and a status error when it didn't.
func (s *Stream) Recv() ([]byte, error) { return s.RecvInto(nil) }

// RecvInto is Recv that reads the message into used, from its beginning, if it has the room.
func (s *Stream) RecvInto(used []byte) ([]byte, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	message, err := s.message(used[:0])
	if err != nil {
		return nil, s.end(err)
	}
	s.budget.earn(perMessage)
	s.max = s.maxLater
	return message, nil
}

func (s *Stream) message(into []byte) ([]byte, error) {
	prefix := &s.prefix
	switch err := s.fill(prefix[:]); {
	case errors.Is(err, io.EOF):
		return nil, err
	case err != nil:
		return nil, within(err)
	}
	size := binary.BigEndian.Uint32(prefix[1:])
	switch {
	case prefix[0] != 0:
		return nil, status.Error(codes.Unimplemented, "compressed messages are not taken")
	case int64(size) > int64(s.max):
		return nil, status.Errorf(codes.ResourceExhausted, "a message of %d bytes is longer than %d", size, s.max)
	}
	for at := 0; at < int(size); at = len(into) {
		n := min(int(size)-at, max(at, firstPiece, cap(into)-at))
		into = slices.Grow(into, n)[:at+n]
		if err := s.fill(into[at:]); err != nil {
			return nil, within(err)
		}
	}
	return into, nil
}

// within is what an end means where a message isn't whole.
func within(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return status.Error(codes.Internal, "the stream ended within a message")
	}
	return err
}

// end remembers why the stream ended, so that every later Recv says the same, and tells the other side what it did
// wrong.
func (s *Stream) end(err error) error {
	if s.ended != nil {
		return s.ended
	}
	if v, wrong := errors.AsType[violation](err); wrong {
		s.hangUp(v.code)
	}
	if _, known := status.FromError(err); !known && !errors.Is(err, io.EOF) {
		err = status.Error(codes.Unavailable, err.Error())
	}
	if s.ended = err; s.last { // we may go on sending
		return err
	}
	s.cancel()
	s.room.close()
	return s.ended
}

// fill reads the stream's DATA into p, and serves what comes between. It returns io.EOF where the stream ends before p
// begins.
func (s *Stream) fill(p []byte) error {
	for size := len(p); len(p) > 0; {
		switch {
		case s.ended != nil:
			return s.ended
		case s.last && len(p) < size:
			return io.ErrUnexpectedEOF
		case s.last:
			return io.EOF
		case s.frame.left == 0:
			if err := s.next(); err != nil {
				return err
			}
			continue
		}
		n, err := io.ReadFull(s.in.Reader, p[:min(len(p), s.frame.left)])
		if err != nil {
			return lost(err)
		}
		p = p[n:]
		if s.frame.left -= n; s.frame.left == 0 {
			if err := s.endOfData(); err != nil {
				return err
			}
		}
	}
	return nil
}

// next reads one frame: the header of a DATA frame, or all of another one.
func (s *Stream) next() error {
	s.in.begin()
	h, err := s.frames.ReadFrameHeader()
	if err != nil {
		return readError(err)
	}
	if h.Type == http2.FrameData {
		return s.onData(h)
	}
	if err := s.spend(cost(int(h.Length))); err != nil {
		return err
	}
	if h.Type > http2.FrameContinuation { // unknown, which means nothing
		_, err = s.in.Discard(int(h.Length))
		return err
	}
	if h.Length > maxControl {
		return violation{http2.ErrCodeEnhanceYourCalm, "a long frame that isn't of data"}
	}
	f, err := s.frames.ReadFrameForHeader(h)
	if err != nil {
		return readError(err)
	}
	return s.onFrame(f)
}

// onData takes the header of a DATA frame. Of a stream that was refused its payload is passed over.
func (s *Stream) onData(h http2.FrameHeader) error {
	if !s.known(h.StreamID) || !s.opened {
		return violation{http2.ErrCodeProtocol, "data of a stream that nobody opened"}
	}
	ours, price := h.StreamID == streamID, cost(int(h.Length))
	if ours {
		price = 1
		s.budget.earn(int(h.Length) >> 10)
	}
	if err := s.spend(price); err != nil {
		return err
	}
	s.consumed += int(h.Length)
	s.frame = payload{left: int(h.Length), last: ours && h.Flags.Has(http2.FlagDataEndStream)}
	if h.Flags.Has(http2.FlagDataPadded) {
		if err := s.unpad(); err != nil {
			return err
		}
	}
	if !ours {
		s.frame.padding += s.frame.left
		s.frame.left = 0
	}
	if s.frame.left == 0 {
		return s.endOfData()
	}
	return nil
}

// unpad reads how long the padding is.
func (s *Stream) unpad() error {
	if s.frame.left == 0 {
		return violation{http2.ErrCodeFrameSize, "padding in an empty frame"}
	}
	pad, err := s.in.ReadByte()
	if err != nil {
		return lost(err)
	}
	if int(pad) >= s.frame.left {
		return violation{http2.ErrCodeProtocol, "more padding than frame"}
	}
	s.frame.left -= 1 + int(pad)
	s.frame.padding = int(pad)
	return nil
}

// endOfData is called at the end of each DATA frame: it skips the padding, refills the window, and notices the end.
func (s *Stream) endOfData() error {
	if _, err := s.in.Discard(s.frame.padding); err != nil {
		return lost(err)
	}
	if n := s.consumed; n >= ourWindow/2 {
		s.consumed = 0
		err := s.control(func(f *http2.Framer) error {
			return errors.Join(f.WriteWindowUpdate(0, uint32(n)), f.WriteWindowUpdate(streamID, uint32(n)))
		})
		if err != nil {
			return err
		}
	}
	if !s.frame.last {
		return nil
	}
	if s.client {
		return status.Error(codes.Internal, "the server ended the stream without a status")
	}
	s.last = true
	return nil
}
