package duplex

import (
	"encoding/binary"
	"errors"
	"net"
)

// ErrFinished is what Send returns once the stream has ended; Recv tells why.
var ErrFinished = errors.New("the stream has ended")

// maxPending bounds the answers to the other side's control frames that wait to be written: who sends pings and doesn't
// read is not answered for ever.
const maxPending = 64 << 10

// Send writes one message, and returns when the socket has taken it. The bytes are the caller's again.
func (s *Stream) Send(message []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	var prefix [prefixSize]byte
	binary.BigEndian.PutUint32(prefix[1:], uint32(len(message)))
	return s.data(prefix[:], message)
}

// data writes prefix and message as DATA frames, as many as the windows and the other side's longest frame ask for.
func (s *Stream) data(prefix, message []byte) error {
	for len(prefix)+len(message) > 0 {
		n := s.room.take(min(len(prefix)+len(message), s.maxFrame))
		if n == 0 || s.finished {
			return ErrFinished
		}
		s.turn()
		if !s.opened {
			s.opened = true
			s.scratch = appendResponseHeaders(s.scratch)
		}
		head := min(n, len(prefix))
		s.scratch = appendHeader(s.scratch, frameHeader{length: n, kind: typeData, stream: streamID})
		s.scratch = append(s.scratch, prefix[:head]...)
		if err := s.write(message[:n-head]); err != nil {
			return err
		}
		prefix, message = prefix[head:], message[n-head:]
	}
	return nil
}

// turn waits until nobody writes; then it is ours, and what was pending stands in scratch. The lock is held.
func (s *Stream) turn() {
	for s.writing {
		s.idle.Wait()
	}
	s.writing = true
	s.scratch = append(s.scratch[:0], s.pending...)
	s.pending = s.pending[:0]
}

// write writes scratch and then payload, and ends our turn. The lock is given back meanwhile, so that a full socket stops
// writers and never the reader. An error ends the connection: nobody knows what of it was written.
func (s *Stream) write(payload []byte) (err error) {
	s.mu.Unlock()
	if len(payload) <= smallSend {
		s.scratch = append(s.scratch, payload...)
		_, err = s.conn.Write(s.scratch)
	} else {
		err = writeBoth(s.conn, s.scratch, payload)
	}
	s.mu.Lock()
	s.writing = false
	s.idle.Signal()
	if err != nil {
		s.finished = true
		s.room.close()
		s.conn.Close()
	}
	return err
}

// writeBoth writes two pieces by one call where the connection can.
func writeBoth(conn net.Conn, a, b []byte) (err error) {
	if v, ok := conn.(interface {
		WriteBoth(a, b []byte) (int, error)
	}); ok {
		_, err = v.WriteBoth(a, b)
		return err
	}
	buffers := net.Buffers{a, b}
	_, err = buffers.WriteTo(conn)
	return err
}

// control lets a frame that isn't DATA go with the next write, and sees that there is one. It never blocks: the reader
// calls it.
func (s *Stream) control(appendFrame func([]byte) []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) > maxPending {
		return protocolError("it asks and doesn't read the answers")
	}
	first := len(s.pending) == 0
	s.pending = appendFrame(s.pending)
	if first {
		go s.flush()
	}
	return nil
}

// flush writes what is pending, if no other write has taken it along.
func (s *Stream) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn()
	_ = s.write(nil) // the reader finds out
}

// now writes frames at once, at the beginning and the end of a stream.
func (s *Stream) now(appendFrame func([]byte) []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn()
	s.scratch = appendFrame(s.scratch)
	return s.write(nil)
}

// CloseSend tells the server that the client sends nothing more.
func (s *Stream) CloseSend() error {
	if !s.lastSend() {
		return ErrFinished
	}
	return s.now(func(b []byte) []byte {
		return appendHeader(b, frameHeader{kind: typeData, flags: flagEndStream, stream: streamID})
	})
}

// finish ends the stream with the handler's status, as trailers.
func (s *Stream) finish(err error) error {
	s.mu.Lock()
	s.room.close() // a Send that waits for credit waits in vain
	s.mu.Unlock()
	if !s.lastSend() {
		return ErrFinished
	}
	return s.now(func(b []byte) []byte { return appendGoAway(appendTrailers(b, streamID, !s.opened, err), codeNone) })
}

// lastSend waits for the message that is being sent and lets no other begin; false when the stream had ended before.
func (s *Stream) lastSend() bool {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		return false
	}
	s.finished = true
	return true
}
