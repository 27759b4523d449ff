package finality

import (
	"maps"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// leader is who proposes in a round; round 0 has none.
func (n *Instance) leader(r uint32) int {
	if r == 0 || len(n.cfg.Order) == 0 {
		return -1
	}
	return n.cfg.Order[int(r)%len(n.cfg.Order)]
}

// leads tells whether this node is the leader of its round.
func (n *Instance) leads() bool { return n.cfg.Self >= 0 && n.leader(n.round) == n.cfg.Self }

// enter goes to a later round.
func (n *Instance) enter(r uint32) {
	handOn := n.round
	n.round, n.prepared, n.committed, n.own = r, false, false, nil
	n.begun = true
	for old := range n.rounds { // the order doesn't show in the result
		if !n.Counts(old) {
			delete(n.rounds, old)
		}
	}
	maps.DeleteFunc(n.started, func(t Timer, _ bool) bool { return t.Round < r })
	if votes := n.Votes(handOn); len(votes) > 0 { // so that all see what one has seen
		n.emit(Send{Votes: votes})
	}
	n.show()
	n.startRound()
}

// startRound starts the round's first timer, sends what this node has voted in it before, and leads it if it is its
// turn.
func (n *Instance) startRound() {
	if len(n.own) > 0 {
		n.emit(Send{Votes: append([]Signed(nil), n.own...)})
	}
	if !n.prepared {
		n.start(ForChoice)
	}
	n.start(ForVotes)
	if n.leads() && !n.prepared && n.locked.block == None && n.proposal() == None {
		n.emit(Build{Round: n.round})
	}
}

// start starts a timer of this round, once.
func (n *Instance) start(w Wait) {
	t := Timer{Round: n.round, Wait: w}
	if n.started[t] {
		return
	}
	n.started[t] = true
	p := n.cfg.Pace
	d := map[Wait]time.Duration{ForChoice: p.Choice, ForPrepare: p.Prepare, ForCommit: p.Commit, ForVotes: p.Votes}[w]
	n.emit(Start{Timer: t, After: d + p.Growth*time.Duration(min(100, n.round))})
}

// show shows what opens locks that are older than it.
func (n *Instance) show() {
	if n.valid.proof != nil {
		n.emit(Show{Proof: n.valid.proof})
	}
}

func (n *Instance) onTimeout(t Timer) {
	if t.Round != n.round {
		return
	}
	switch t.Wait {
	case ForChoice:
		if !n.prepared {
			n.vote(Prepare, n.fallback())
		}
	case ForPrepare:
		if !n.committed {
			n.vote(Commit, None)
		}
	case ForCommit:
		n.enter(n.round + 1)
	case ForVotes: // something was lost, or there is nobody to hear it
		if len(n.own) > 0 {
			n.emit(Send{Votes: append([]Signed(nil), n.own...)})
		}
		n.show()
		n.emit(Ask{Round: n.round})
		n.wantAgain()
		delete(n.started, t)
		n.start(ForVotes)
	}
}

// vote asks for a vote of this node. It is given once for each phase of a round, whatever becomes of the asking; a
// commit vote ends the round's first phase, too.
func (n *Instance) vote(p Phase, block primitives.Hash) {
	n.prepared = true
	n.committed = n.committed || p == Commit
	if n.cfg.Self < 0 {
		return
	}
	r := Record{Vote: Vote{Validator: n.cfg.Self, Round: n.round, Phase: p, Block: block}}
	if p == Commit && n.round > 0 && block != None && n.locked.round == n.round {
		r.Proof = n.locked.proof
	}
	n.emit(r)
}
