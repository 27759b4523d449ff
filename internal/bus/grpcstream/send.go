package grpcstream

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/net/http2"
)

// ErrFinished is what Send returns once the stream has ended; Recv tells why.
var ErrFinished = errors.New("the stream has ended")

// maxPending bounds the answers to the other side's control frames that wait to be written, in bytes: who sends pings
// and doesn't read is not answered for ever.
const maxPending = 64 << 10

// Send writes one message, and returns when the socket has taken it. The bytes are the caller's again.
func (s *Stream) Send(message []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	for at, end := -prefixSize, len(message); at < end; {
		n := s.room.take(end - at)
		if n == 0 {
			return ErrFinished
		}
		s.lock()
		if err := s.write(s.data(n, at, message)); err != nil {
			return err
		}
		at += n
	}
	return nil
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

// TrySend is Send that never waits. It tells whether the message is on its way: what the socket doesn't take now of one
// that has begun is written by a goroutine of its own, and whoever sends next waits for that. It is not on its way, and
// nothing of it, when somebody else is sending, when the windows or the other side's longest frame ask for more than
// one frame, and when the stream has ended.
func (s *Stream) TrySend(message []byte) (bool, error) {
	conn, ok := s.conn.(nower)
	if !ok || !s.sending.TryLock() {
		return false, nil
	}
	defer s.sending.Unlock()
	if !s.socket.TryLock() {
		return false, nil
	}
	size := prefixSize + len(message)
	if !s.room.takeAll(size) {
		s.socket.Unlock()
		return false, nil
	}
	s.load()
	head, tail := s.data(size, -prefixSize, message)
	n, err := conn.WriteNow(head, tail)
	if err == nil && n < len(head)+len(tail) {
		s.scratch = append(append([]byte(nil), head[min(n, len(head)):]...), tail[max(0, n-len(head)):]...)
		go func() { _ = s.write(s.scratch, nil) }() // the reader finds out
		return true, nil
	}
	s.wrote(err)
	return err == nil, err
}

// lock waits until nobody writes; then scratch is ours, and what was pending stands in it.
func (s *Stream) lock() {
	s.socket.Lock()
	s.load()
}

func (s *Stream) load() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scratch = append(s.scratch[:0], s.pending.Bytes()...)
	s.pending.Reset()
}

// data puts a DATA frame of n bytes of a message behind what stands in scratch, from at on, where the message's prefix
// is what stands before its beginning. A long payload is left where it is. The socket is ours.
func (s *Stream) data(n, at int, message []byte) (head, tail []byte) {
	s.earned.Add(int64(perData + n>>10))
	if !s.talked.Load() {
		s.talked.Store(true)
	}
	b := append(s.scratch, byte(n>>16), byte(n>>8), byte(n), byte(http2.FrameData), 0)
	b = binary.BigEndian.AppendUint32(b, streamID)
	if at < 0 {
		var prefix [prefixSize]byte
		binary.BigEndian.PutUint32(prefix[1:], uint32(len(message)))
		part := prefix[prefixSize+at:]
		part = part[:min(n, len(part))]
		b, n, at = append(b, part...), n-len(part), at+len(part)
	}
	if n <= smallSend {
		b, n = append(b, message[max(at, 0):max(at, 0)+n]...), 0
	}
	s.scratch = b
	return b, message[max(at, 0):][:n]
}

// write writes two pieces, by one call where the connection can, and gives the socket back. The reader goes on
// meanwhile, so that a full socket stops writers and never it.
func (s *Stream) write(a, b []byte) (err error) {
	if v, ok := s.conn.(interface {
		WriteBoth(a, b []byte) (int, error)
	}); ok {
		_, err = v.WriteBoth(a, b)
	} else {
		_, err = s.conn.Write(append(a, b...))
	}
	s.wrote(err)
	return err
}

// wrote gives the socket back. An error ends the connection: nobody knows what of it was written.
func (s *Stream) wrote(err error) {
	s.socket.Unlock()
	if err != nil {
		s.finished.Store(true)
		s.room.close()
		s.conn.Close()
	}
}

// control lets frames that aren't DATA go with the next write, and sees that there is one. It never blocks: the reader
// calls it.
func (s *Stream) control(frames func(*http2.Framer) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.Len() > maxPending {
		return violation{http2.ErrCodeEnhanceYourCalm, "it asks and doesn't read the answers"}
	}
	if s.pending.Len() == 0 {
		go func() {
			s.lock()
			_ = s.write(s.scratch, nil) // the reader finds out
		}()
	}
	return frames(s.frames)
}

// now writes frames at once, at the beginning and the end of a stream.
func (s *Stream) now(frames func(*http2.Framer) error) error {
	s.mu.Lock()
	err := frames(s.frames)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.lock()
	return s.write(s.scratch, nil)
}

// preamble is what each side says first: what it takes, and as much credit as we ever give.
func preamble(w *http2.Framer, more ...http2.Setting) error {
	settings := append([]http2.Setting{
		{ID: http2.SettingMaxFrameSize, Val: ourFrame}, {ID: http2.SettingInitialWindowSize, Val: ourWindow},
		{ID: http2.SettingMaxHeaderListSize, Val: maxHeaders},
	}, more...)
	return errors.Join(w.WriteSettings(settings...), w.WriteWindowUpdate(0, ourWindow-defaultWindow))
}

// CloseSend tells the server that the client sends nothing more.
func (s *Stream) CloseSend() error {
	s.sending.Lock() // the message that is being sent is the last
	defer s.sending.Unlock()
	s.room.close()
	if s.finished.Swap(true) {
		return ErrFinished
	}
	return s.now(func(w *http2.Framer) error { return w.WriteData(streamID, true, nil) })
}

// finish ends the stream with the handler's status, as trailers.
func (s *Stream) finish(err error) error {
	s.room.close() // a Send that waits for credit waits in vain
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.finished.Swap(true) {
		return ErrFinished
	}
	return s.now(func(w *http2.Framer) error {
		return errors.Join(writeHeaders(w, streamID, true, trailers(err)),
			w.WriteGoAway(streamID, http2.ErrCodeNo, nil))
	})
}

// hangUp tells the other side what it did wrong, as the last that is sent.
func (s *Stream) hangUp(code http2.ErrCode) {
	s.room.close()
	s.finished.Store(true)
	_ = s.conn.SetWriteDeadline(time.Now().Add(drainLimit))
	_ = s.now(func(w *http2.Framer) error { return w.WriteGoAway(s.highest, code, nil) })
}
