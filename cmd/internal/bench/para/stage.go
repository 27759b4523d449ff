package para

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// role is a subsystem that is played: what it sends and asks, and what it does with what it is told.
type role struct {
	name        string
	sends, asks []proto.Message
	on          func(*subsystem.Message)
}

// stage is the subject with an overseer and those who are played.
type stage struct {
	*world
	at      place
	fleet   *rounds.Fleet
	subject subject
	subs    map[string]*subsystem.Sub
	stop    context.CancelFunc
	ended   chan error

	in, out atomic.Int64 // bytes of messages from and to peers
	left    atomic.Int64 // what the subject has still to do in this block
	done    chan struct{}
	heard   sync.WaitGroup // who is played and hasn't seen the newest leaf
}

// newStage starts an overseer and the subjects.
func newStage(self []string, dir string, cores int, subjects ...string) (*stage, error) {
	st := &stage{
		world: newWorld(cores), at: place(dir), fleet: rounds.NewFleet(self...),
		subs: map[string]*subsystem.Sub{}, ended: make(chan error, 16), done: make(chan struct{}, 1), stop: func() {},
	}
	if _, err := st.fleet.Start("overseer", st.at.bus()); err != nil {
		return nil, errors.Join(err, st.close())
	}
	for _, name := range subjects {
		child, err := st.fleet.Start(roleSubject, name, dir)
		if err != nil {
			return nil, errors.Join(err, st.close())
		}
		st.subject.clocks = append(st.subject.clocks, rounds.ClocksOf([]int{child.Pid})...)
	}
	return st, nil
}

func (st *stage) close() error {
	st.stop()
	st.fleet.Stop()
	return nil
}

// open attaches those who are played, and the engine, the keystore and the runtime besides.
func (st *stage) open(ctx context.Context, roles []role) error {
	ctx, st.stop = context.WithCancel(ctx)
	roles = append(roles, st.engine(), st.keystore(), st.runtime())
	ready := make(chan struct{}, len(roles))
	for _, r := range roles {
		spec := subsystem.Spec{Name: r.name, Sends: r.sends, Asks: r.asks,
			New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
				sub.Post(func() { ready <- struct{}{} })
				st.subs[r.name] = sub
				return played{st, r.on}, nil
			}}
		attached := make(chan struct{})
		options := st.at.options()
		options.OnAttached = func() { close(attached) }
		go func() { st.ended <- subsystem.Run(ctx, spec, options) }()
		select {
		case <-attached:
		case err := <-st.ended:
			return err
		}
		<-ready
	}
	return nil
}

// played is the handler of a role.
type played struct {
	*stage
	on func(*subsystem.Message)
}

// Signal: what is sent from now on comes after the leaf.
func (p played) Signal(sig *overseerv1.Signal) {
	if sig.GetStartWork() != nil {
		p.heard.Done()
	}
}

// Handle takes one message.
func (p played) Handle(m *subsystem.Message) { p.on(m) }

// as does something in a role, on its own loop.
func (st *stage) as(name string, f func(sub *subsystem.Sub)) {
	sub := st.subs[name]
	sub.Post(func() { f(sub) })
}

// expect is how much the subject has to do until the block is over.
func (st *stage) expect(n int) { st.left.Store(int64(n)) }

// did notes one of it.
func (st *stage) did() {
	if st.left.Add(-1) == 0 {
		st.done <- struct{}{}
	}
}

// patience is how long a block may take.
const patience = time.Minute

var errStuck = errors.New("the subject doesn't do what is expected of it")

// settle waits until the subject has done what was expected.
func (st *stage) settle(ctx context.Context) error {
	select {
	case <-st.done:
		return nil
	case err := <-st.ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(patience):
		return errStuck
	}
}
