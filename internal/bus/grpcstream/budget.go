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
// that bring nothing, which no limit in bytes ends: so reads are counted.
type source struct {
	*bufio.Reader
	reads int // since the last frame began
}

const maxReads = 512

// Read reads what there is.
func (s *source) Read(p []byte) (int, error) {
	if s.reads++; s.reads > maxReads {
		return 0, errPieces
	}
	return s.Reader.Read(p)
}

var errPieces error = violation{http2.ErrCodeEnhanceYourCalm, "a header block in too many pieces"}
