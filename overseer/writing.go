package overseer

import (
	"context"
	"time"

	"github.com/reevenet/reeve/internal/broker"
	"github.com/reevenet/reeve/internal/buswire"
)

func (a *attachment) nudge(stream int) {
	select {
	case a.wake[stream] <- struct{}{}:
	default:
	}
}

// quickBytes is how much may be written to an instance, since it was last heard of, by a goroutine that must not block. It is
// far less than a socket takes without waiting for its other end.
const quickBytes = 32 << 10

// claim takes the right to write to the primary stream, if nobody is writing and the instance keeps up. The lock is held.
func (a *attachment) claim() bool {
	if a.primary == nil || a.writing || a.unheard >= quickBytes {
		return false
	}
	a.writing = true
	return true
}

// writeQuick writes one small batch and gives the right back.
func (s *Server) writeQuick(a *attachment) {
	s.mu.Lock()
	b := s.take(a, broker.Primary, quickBytes-a.unheard)
	s.mu.Unlock()
	if b.Len() > 0 && a.primary.SendMsg(&b) != nil {
		a.cancel()
	}
	s.mu.Lock()
	a.writing = false
	a.keep(broker.Primary, a.primary, b)
	if more, _ := s.core.Broker.Ready(a.instance); more {
		a.nudge(broker.Primary)
	}
	s.mu.Unlock()
}

// keptBuffer is how large a buffer may be to be filled again; one that a large message needed is let go.
const keptBuffer = 256 << 10

// keep keeps a written batch's buffer for the next, if the stream is done with it. The lock is held.
func (a *attachment) keep(which int, stream stream, b buswire.Batch) {
	if _, done := stream.(carried); done && cap(b.Bytes) <= keptBuffer {
		a.spare[which] = b.Bytes[:0]
	}
}

func (s *Server) take(a *attachment, stream, limit int) (b buswire.Batch) {
	b.Bytes, a.spare[stream] = a.spare[stream], nil
	s.core.Broker.Take(time.Now(), a.instance, stream, &b, limit)
	if stream == broker.Primary {
		a.unheard += b.Len()
	}
	return b
}

// batchBytes is about how much is written at once.
const batchBytes = 64 << 10

// write sends what the core has for one stream of an instance, until the stream or the attachment ends.
func (s *Server) write(ctx context.Context, stream stream, a *attachment, which int) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake[which]:
		}
		for more := true; more; {
			s.mu.Lock()
			if which == broker.Primary && a.writing { // whoever writes looks again when it is done
				s.mu.Unlock()
				break
			}
			b := s.take(a, which, batchBytes)
			a.writing = a.writing || which == broker.Primary
			s.mu.Unlock()
			more = b.Len() > 0
			if more && stream.SendMsg(&b) != nil {
				return
			}
			s.mu.Lock()
			a.keep(which, stream, b)
			a.writing = a.writing && which != broker.Primary
			s.mu.Unlock()
		}
	}
}
