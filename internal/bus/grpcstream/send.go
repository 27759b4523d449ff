package grpcstream

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

// nower is a connection that can be written to without waiting.
type nower interface {
	WriteNow(a, b []byte) (int, error)
}

// Tries tells whether TrySend ever sends.
func (s *Stream) Tries() bool {
	_, ok := s.conn.(nower)
	return ok
}

// TrySend is Send that never waits. It tells whether the message is on its way: what the socket doesn't take now of one that has begun is
// written by a goroutine of its own, and whoever sends next waits for that. It is not on its way, and nothing of it, when somebody else
// is sending, and when the windows or the other side's longest frame ask for more than one frame.
func (s *Stream) TrySend(message []byte) (bool, error) {
	conn, ok := s.conn.(nower)
	if !ok || !s.sending.TryLock() {
		return false, nil
	}
	defer s.sending.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	size := prefixSize + len(message)
	switch {
	case s.finished:
		return false, ErrFinished
	case s.writing || size > s.maxFrame || !s.room.has(size):
		return false, nil
	}
	s.room.take(size)
	s.turn()
	s.open()
	s.scratch = appendHeader(s.scratch, frameHeader{length: size, kind: typeData, stream: streamID})
	s.scratch = append(s.scratch, 0)
	s.scratch = binary.BigEndian.AppendUint32(s.scratch, uint32(len(message)))
	head, tail := s.together(message)
	s.mu.Unlock()
	n, err := conn.WriteNow(head, tail)
	s.mu.Lock()
	if err == nil && n < len(head)+len(tail) {
		s.scratch = append(append([]byte(nil), head[min(n, len(head)):]...), tail[max(0, n-len(head)):]...)
		go s.writeRest()
		return true, nil
	}
	s.wrote(err)
	return err == nil, err
}

// writeRest ends a write that TrySend has begun. The turn is ours.
func (s *Stream) writeRest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.write(nil) // the reader finds out
}

// data writes prefix and message as DATA frames, as many as the windows and the other side's longest frame ask for.
func (s *Stream) data(prefix, message []byte) error {
	for len(prefix)+len(message) > 0 {
		n := s.room.take(min(len(prefix)+len(message), s.maxFrame))
		if n == 0 || s.finished {
			return ErrFinished
		}
		s.turn()
		s.open()
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

// open says our headers if that has not been done. The lock is held.
func (s *Stream) open() {
	if !s.opened {
		s.opened = true
		s.scratch = appendResponseHeaders(s.scratch)
	}
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
	head, tail := s.together(payload)
	s.mu.Unlock()
	err = s.writeBoth(head, tail)
	s.mu.Lock()
	s.wrote(err)
	return err
}

// together is scratch and payload as one piece where payload is short.
func (s *Stream) together(payload []byte) (head, tail []byte) {
	if len(payload) > smallSend {
		return s.scratch, payload
	}
	s.scratch = append(s.scratch, payload...)
	return s.scratch, nil
}

// wrote ends our turn. The lock is held.
func (s *Stream) wrote(err error) {
	s.writing = false
	s.idle.Signal()
	if err != nil {
		s.finished = true
		s.room.close()
		s.conn.Close()
	}
}

// writeBoth writes two pieces by one call where the connection can.
func (s *Stream) writeBoth(a, b []byte) (err error) {
	if v, ok := s.conn.(interface {
		WriteBoth(a, b []byte) (int, error)
	}); ok {
		_, err = v.WriteBoth(a, b)
		return err
	}
	if len(b) == 0 {
		_, err = s.conn.Write(a)
		return err
	}
	buffers := net.Buffers{a, b}
	_, err = buffers.WriteTo(s.conn)
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
