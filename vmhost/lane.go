package vmhost

import (
	"context"
	"errors"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// lane runs things off the loop, so many at once, in order of arrival.
type lane struct {
	limit, bound int
	running      int
	alone        bool
	waiting      []task
	spare        spare
}

type task struct {
	run func(done func())
	// alone: nothing of the lane runs beside it.
	alone bool
	// of is set for what a peer says of its own accord, which may be dropped.
	of *peersTask
}

// peersTask is whose a task is, and how many bytes it keeps.
type peersTask struct {
	peer  primitives.NodeID
	bytes int
}

// add takes a task; false when too many wait.
func (l *lane) add(t task) bool {
	if len(l.waiting) >= l.bound || t.of != nil && !l.spare.take(t.of, l.bound) {
		return false
	}
	l.waiting = append(l.waiting, t)
	l.pump()
	return true
}

func (l *lane) pump() {
	for len(l.waiting) > 0 && l.running < l.limit && !l.alone {
		t := l.waiting[0]
		if t.alone && l.running > 0 {
			return
		}
		l.waiting = l.waiting[1:]
		if t.of != nil {
			l.spare.give(t.of)
		}
		l.running++
		l.alone = t.alone
		t.run(func() {
			l.running--
			if t.alone {
				l.alone = false
			}
			l.pump()
		})
	}
}

// spare is what waits in a lane and may be dropped. It leaves a quarter of the lane to what was promised, and no peer
// fills it: each may have so many bytes, and one message of any size.
type spare struct {
	count, bytes int
	of           map[primitives.NodeID]int // bytes
}

const (
	maxSpareBytes = 64 << 20 // of all peers
	spareOfPeer   = 1 << 20  // bytes of one
)

// take counts a task in. False: there is no room for it.
func (s *spare) take(t *peersTask, bound int) bool {
	has, some := s.of[t.peer]
	switch {
	case s.count >= bound/4*3 || s.bytes+t.bytes > maxSpareBytes || some && has+t.bytes > spareOfPeer:
		return false
	case s.of == nil:
		s.of = make(map[primitives.NodeID]int)
	}
	s.count++
	s.bytes += t.bytes
	s.of[t.peer] = has + t.bytes
	return true
}

func (s *spare) give(t *peersTask) {
	s.count--
	s.bytes -= t.bytes
	if s.of[t.peer] -= t.bytes; s.of[t.peer] <= 0 {
		delete(s.of, t.peer)
	}
}

// inTurn does a message's work off the loop when its turn in the lane comes, and refuses it when there is no room.
func inTurn[T any](
	sub *subsystem.Sub, l *lane, m *subsystem.Message, work func(ctx context.Context) (T, error), then func(T),
) {
	ok := l.add(task{run: func(done func()) {
		subsystem.Offload(sub, func() (T, error) { return work(context.Background()) }, func(v T, err error) {
			switch {
			case errors.Is(err, chainstore.ErrNotFound):
				refuse(m, notFound())
			case err != nil:
				refuse(m, vmsdk.ErrorToProto(err))
			default:
				then(v)
			}
			done()
		})
	}})
	if !ok {
		refuse(m, busy())
	}
}
