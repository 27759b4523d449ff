package supervise

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/reevenet/reeve/internal/process/proc"
)

// member is one supervised process. Its keep goroutine is the only one that starts the process after the first time;
// the others ask it through requests.
type member struct {
	group    *Group
	spec     Spec
	history  History
	requests chan request
	done     chan struct{} // closed when keep has ended

	mu     sync.Mutex
	status Status
	run    *run
}

// request is what a person wants of a process.
type request struct {
	ctx   context.Context
	stop  bool   // for good; otherwise a restart
	spec  *Spec  // what is started instead; nil: the same again
	why   string // of the restart
	reply chan error
}

func newMember(g *Group, spec Spec) *member {
	return &member{
		group: g, spec: spec, history: History{Policy: g.Policy},
		requests: make(chan request), done: make(chan struct{}),
		status: Status{Name: spec.Name},
	}
}

func (m *member) start() error {
	r, err := start(m.spec)
	if err != nil {
		return err
	}
	m.run = r
	m.change(func(s *Status) { s.Process, s.State = r.Identity, Running })
	return nil
}

// keep is the life of the process from its first start until it is stopped for good.
func (m *member) keep() {
	defer close(m.done)
	for {
		next := m.running()
		if next == nil {
			next = m.revive()
		}
		if next == nil {
			continue
		}
		m.end(next.ctx)
		if next.stop {
			m.change(func(s *Status) { s.Process, s.State, s.Cause = proc.Identity{}, Stopped, "" })
			next.reply <- nil
			return
		}
		m.history.Reset()
		if next.spec != nil {
			m.spec = *next.spec
		}
		err := m.again(next.why)
		next.reply <- err
	}
}

// running waits while the process runs. It returns the request that ends it, or nil when the process has died.
func (m *member) running() *request {
	if m.run == nil {
		return nil
	}
	probing, cancel := context.WithCancel(context.Background())
	defer cancel()
	hung := make(chan error, 1)
	if m.spec.Probe != nil {
		go watch(probing, m.spec.Probe, hung)
	}
	for {
		select {
		case <-m.run.Exited:
			return nil
		case r := <-m.requests:
			return &r
		case err := <-hung:
			m.run.hung = err
			m.run.Kill()
		}
	}
}

// revive decides about a death: a restart now or later, or quarantine. It returns a request that came while it waited.
func (m *member) revive() *request {
	cause, permanent := "", false
	if m.run != nil {
		cause, permanent = m.run.cause()
		m.run = nil
	} else {
		cause = m.snapshot().Cause
	}
	verdict := m.history.Died(time.Now(), rand.Float64())
	if permanent || verdict.Quarantine {
		m.group.Log.Error("process is left alone", "process", m.spec.Name, "err", cause)
		m.change(func(s *Status) { s.Process, s.State, s.Cause = proc.Identity{}, Quarantined, cause })
		r := <-m.requests
		return &r
	}
	m.group.Log.Warn("process died", "process", m.spec.Name, "err", cause, "restart", verdict.Delay)
	if verdict.Delay > 0 {
		m.change(func(s *Status) { s.Process, s.State, s.Cause = proc.Identity{}, BackingOff, cause })
		select {
		case r := <-m.requests:
			return &r
		case <-time.After(verdict.Delay):
		}
	}
	_ = m.again(cause) // a start that fails is another death, and comes back here
	return nil
}

// again starts the process once more. A start that fails counts as another death.
func (m *member) again(cause string) error {
	err := m.start()
	if err != nil {
		cause = err.Error()
	}
	m.change(func(s *Status) {
		s.Cause = cause
		if err == nil {
			s.Restarts++
		}
	})
	return err
}

// end stops the process: SIGTERM, and SIGKILL when ctx ends.
func (m *member) end(ctx context.Context) {
	if m.run == nil {
		return
	}
	m.run.Signal(syscall.SIGTERM)
	select {
	case <-m.run.Exited:
	case <-ctx.Done():
		m.run.Kill()
		<-m.run.Exited
	}
	m.run = nil
}

func (m *member) stop(ctx context.Context) { _ = m.ask(request{ctx: ctx, stop: true}) }

func (m *member) restart(ctx context.Context) error {
	return m.ask(request{ctx: ctx, why: "restarted on request"})
}

func (m *member) ask(r request) error {
	r.reply = make(chan error, 1)
	select {
	case m.requests <- r:
		return <-r.reply
	case <-m.done:
		return errGone
	}
}

func (m *member) snapshot() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

func (m *member) change(apply func(*Status)) {
	m.mu.Lock()
	before := m.status.State
	apply(&m.status)
	if m.status.State != before || m.status.Since.IsZero() || m.status.State == Running {
		m.status.Since = time.Now()
	}
	now := m.status
	m.mu.Unlock()
	if m.group.Notify != nil {
		m.group.Notify(now)
	}
}
