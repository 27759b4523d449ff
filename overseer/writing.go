package overseer

import (
	"context"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/wire"
)

func (a *attachment) nudge(stream int) {
	select {
	case a.wake[stream] <- struct{}{}:
	default:
	}
}

// claim takes the right to write to the primary stream for who must not wait, if nobody is writing. The lock is held.
func (a *attachment) claim() bool {
	if a.quick == nil || a.writing {
		return false
	}
	a.writing = true
	return true
}

// writeQuick writes one batch without waiting, and gives the right back. Who reads from one instance must never wait
// until another, or the same, has read what it gets: what can't be written now is left to a goroutine that may wait.
func (s *Server) writeQuick(a *attachment) {
	s.mu.Lock()
	b := s.take(a, broker.Primary)
	s.mu.Unlock()
	if b.Len() == 0 {
		s.written(a, b)
		return
	}
	sent, err := a.quick.TrySend(&b)
	if !sent && err == nil {
		go s.writeLate(a, b)
		return
	}
	if err != nil {
		a.cancel()
	}
	s.written(a, b)
}

// writeLate writes what could not be written quickly.
func (s *Server) writeLate(a *attachment, b wire.Batch) {
	if a.primary.Send(&b) != nil {
		a.cancel()
	}
	s.written(a, b)
}

// written gives the right to write back, and the buffer.
func (s *Server) written(a *attachment, b wire.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.writing = false
	a.spare[broker.Primary] = b.Bytes
	if more, _ := s.core.Broker.Ready(a.instance); more {
		a.nudge(broker.Primary)
	}
}

func (s *Server) take(a *attachment, stream int) (b wire.Batch) {
	b.Bytes, a.spare[stream] = a.spare[stream], nil
	s.core.Broker.Take(time.Now(), a.instance, stream, &b, batchBytes)
	return b
}

// batchBytes is about how much is written at once.
const batchBytes = 64 << 10

// write sends what the core has for one stream of an instance, until the stream or the attachment ends.
func (s *Server) write(ctx context.Context, stream carrier.Stream, a *attachment, which int) {
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
			b := s.take(a, which)
			a.writing = a.writing || which == broker.Primary
			s.mu.Unlock()
			more = b.Len() > 0
			if more && stream.Send(&b) != nil {
				return
			}
			s.mu.Lock()
			a.spare[which] = b.Bytes
			a.writing = a.writing && which != broker.Primary
			s.mu.Unlock()
		}
	}
}
