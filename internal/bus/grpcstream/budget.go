package grpcstream

import (
	"bufio"
	"time"

	"golang.org/x/net/http2"
)

// budget bounds what the other side may have us do without bringing a message. Each frame costs one, and one more for
// each KiB of it. Each KiB of data and each message that has come earns some back, and so does each frame of data that
// we send, for which windows must be opened; and time does. So pings, settings, resets, priorities, calls that are
// refused, padding and empty frames can't keep a reader busy, however fast they come.
type budget struct {
	left   int
	filled time.Time // when it was last filled by time
}

const (
	allowance  = 1024 // frames
	perMessage = 8
	perData    = 8
	refill     = 10 * time.Second
)

func cost(bytes int) int { return 1 + bytes>>10 }

func (b *budget) earn(n int) { b.left = min(b.left+n, allowance) }

// spend takes what a frame costs; false: the other side has spent it all.
func (s *Stream) spend(n int) error {
	b := &s.budget
	if b.left -= n; b.left >= 0 {
		return nil
	}
	b.earn(int(s.earned.Swap(0)))
	if now := time.Now(); b.left < 0 && now.Sub(b.filled) > refill {
		b.left, b.filled = allowance, now
	}
	if b.left < 0 {
		return violation{http2.ErrCodeEnhanceYourCalm, "too many frames that bring no message"}
	}
	return nil
}

// source is what frames are read from. A header block is read by one call of the Framer, and may be continued by frames
// that bring nothing, which no limit in bytes ends: so the frames of a block are looked at as they pass.
type source struct {
	*bufio.Reader
	frames int // that have begun since begin
	header [frameHeader]byte
	have   int // of it
	left   int // of the payload
}

const (
	frameHeader = 9
	// maxFrames is how many frames a header block may come in. The longest one fits into two.
	maxFrames = 8
)

// begin is the beginning of a frame.
func (s *source) begin() { s.frames, s.have, s.left = 0, 0, 0 }

// Read reads what there is.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if wrong := s.pass(p[:n]); wrong != nil {
		return 0, wrong
	}
	return n, err
}

// pass follows the frames.
func (s *source) pass(p []byte) error {
	for len(p) > 0 {
		if s.left > 0 {
			n := min(s.left, len(p))
			s.left, p = s.left-n, p[n:]
			continue
		}
		n := copy(s.header[s.have:], p)
		if s.have, p = s.have+n, p[n:]; s.have < frameHeader {
			return nil
		}
		s.have, s.left = 0, int(s.header[0])<<16|int(s.header[1])<<8|int(s.header[2])
		if s.frames++; s.frames > 1 && (s.frames > maxFrames || s.left == 0) {
			return errPieces
		}
	}
	return nil
}

var errPieces error = violation{http2.ErrCodeEnhanceYourCalm, "a header block in empty or too many pieces"}

// PingsApart is how far apart the pings must be of who asks whether we are there, where we say nothing ourselves. The
// third that comes earlier is the last: every gRPC server does so, and the two that share an address do the same.
const (
	PingsApart = 5 * time.Second
	maxStrikes = 2
)

// pings are those of the other side.
type pings struct {
	last    time.Time
	strikes int
}

// onPing judges one; said tells whether we have sent something since the last one.
func (p *pings) onPing(now time.Time, said bool) error {
	early := now.Sub(p.last) < PingsApart
	p.last = now
	switch {
	case said:
		p.strikes = 0
	case early:
		p.strikes++
	}
	if p.strikes > maxStrikes {
		return violation{http2.ErrCodeEnhanceYourCalm, "too_many_pings"}
	}
	return nil
}
