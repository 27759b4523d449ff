package overseer

import (
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/grpcx"
)

// Server is an overseer behind gRPC. Readers of all streams take turns at the core, each with a whole batch; a writer
// per stream takes what the core has for it. So one lock is held for a few microseconds per batch, and nothing slow
// happens under it.
type Server struct {
	mu      sync.Mutex
	core    *Core
	ends    map[*broker.Instance]*attachment
	log     *slog.Logger
	keep    Quarantine
	keeping chan broker.Event // what is to be kept
	stop    chan struct{}
	stopped sync.WaitGroup

	strangers strangers
	began     time.Time
	turned    atomic.Int64 // when the loop last did, in nanoseconds after that: nobody can set that clock
}

// Quarantine keeps the messages that ended two instances.
type Quarantine interface {
	Keep(env []byte, variant, cause string) error
}

// NewServer makes a server around a core; keep may be nil.
func NewServer(core *Core, keep Quarantine) *Server {
	s := &Server{core: core, ends: map[*broker.Instance]*attachment{},
		log: core.log, keep: keep, stop: make(chan struct{}), keeping: make(chan broker.Event, maxKeeping),
		began: time.Now()}
	s.stopped.Go(s.tick)
	s.stopped.Go(s.keepAll)
	return s
}

// Listen makes the gRPC server of the bus, and of health and reflection beside it. cfg is what it has in common with
// the other listeners of a process.
func (s *Server) Listen(cfg grpcx.Server, kind carrier.Kind) *carrier.Server {
	return carrier.NewServer(cfg, kind, s.attach)
}

// Conclude tells all subsystems that the node is stopping.
func (s *Server) Conclude() {
	s.with(func(time.Time) { s.core.Conclude() })
}

// Close ends all streams and the watchdogs.
func (s *Server) Close() {
	close(s.stop)
	s.mu.Lock()
	for _, a := range s.ends {
		a.cancel()
	}
	s.mu.Unlock()
	s.stopped.Wait()
}

// with runs f on the core and sees that whoever has something to take gets it: at once by this goroutine as far as that
// needs no waiting, by the stream's writer otherwise.
func (s *Server) with(f func(now time.Time)) {
	var quick [16]*attachment
	n := 0
	s.mu.Lock()
	f(time.Now())
	for _, i := range s.core.Broker.Woken() {
		a := s.ends[i]
		if a == nil {
			continue
		}
		primary, bulk := s.core.Broker.Ready(i)
		if bulk {
			a.nudge(broker.Bulk)
		}
		switch {
		case !primary:
		case n < len(quick) && a.claim():
			quick[n], n = a, n+1
		default:
			a.nudge(broker.Primary)
		}
	}
	events := s.core.Broker.Events()
	s.mu.Unlock()
	if n > 0 { // who was read at the same time goes first: what they all have for one instance then goes by one write
		runtime.Gosched()
	}
	for _, a := range quick[:n] {
		s.writeQuick(a)
	}
	for _, e := range events {
		s.onEvent(e)
	}
}

// Status is a snapshot of the bus.
func (s *Server) Status() broker.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.core.Broker.Status()
}
