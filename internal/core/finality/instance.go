package finality

import (
	"fmt"
	"maps"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// Config is what an Instance is made from.
type Config struct {
	// Validators is the set of the height, which its parent's state fixes.
	Validators *validators.Set
	// Self is this node's index in it; -1 for a node without a vote, which only watches.
	Self int
	// Order is the proposer order of the height: the leader of round r is the one at place r, from the beginning again
	// past the end.
	Order []int
	// Own is what this node has signed at this height, in any order. It has sent it, or may have.
	Own []Signed
	// Pace is how long to wait in round 0. A later round waits longer.
	Pace Pace
	// Flaws are none but in tests and simulations.
	Flaws Flaws
}

// Pace is how long the timers of round 0 run. In round r each is longer by r times Growth, so that a network of any
// latency reaches a round that is long enough.
type Pace struct {
	Choice, Prepare, Commit, Votes, Growth time.Duration
}

// lock is a block and the round in which a quorum prepared it.
type lock struct {
	block primitives.Hash // None: there is none
	round uint32
	proof *Proof // nil: of an earlier incarnation
}

// Instance decides one height. It has one caller at a time.
type Instance struct {
	cfg           Config
	quorum, third uint64
	out           []Action

	begun   bool // there is something to decide
	decided bool
	round   uint32
	// What this node has voted in the round, or asked the keystore to write down.
	prepared, committed bool
	locked              lock // the commit vote of the highest round: never forgotten
	valid               lock // the newest block that a quorum prepared: what this node proposes

	rounds    map[uint32]*round
	latest    []place  // by validator: where it has voted last
	own       []Signed // of this round, to be sent again
	verified  map[primitives.Hash]bool
	wanted    map[int]primitives.Hash // asked for, by who names it: a validator's newest vote, or one of those below
	preferred Preferred
	started   map[Timer]bool
	accused   map[int]bool // each validator once: one proof is enough
}

// Rounds that are kept besides that of the lock: votes of later rounds than that count only as a sign that the network
// has gone on.
const (
	keepBehind = 32
	keepAhead  = 8
	maxRound   = 1 << 30
)

// Who names a block that isn't a validator.
const (
	byQuorum = -1 // a proof
	byLock   = -2 // this node's own vote of an earlier life
)

// New makes an Instance. What is to be done at once, Begin says.
func New(cfg Config) *Instance {
	total := cfg.Validators.TotalStake()
	n := &Instance{
		cfg: cfg, quorum: cfg.Flaws.quorum(total), third: Third(total), rounds: map[uint32]*round{},
		latest: make([]place, cfg.Validators.Len()), verified: map[primitives.Hash]bool{},
		wanted: map[int]primitives.Hash{}, started: map[Timer]bool{}, accused: map[int]bool{},
	}
	n.restore()
	return n
}

// restore goes back to where this node was: to the round of its latest vote, with the lock of its latest commit vote
// for a block.
func (n *Instance) restore() {
	for _, v := range n.cfg.Own {
		n.begun = true
		n.round = max(n.round, v.Round)
		if v.Phase == Commit && v.Block != None && (n.locked.block == None || v.Round > n.locked.round) {
			n.locked = lock{block: v.Block, round: v.Round}
		}
	}
	if n.cfg.Flaws.ForgetLocks {
		n.locked = lock{}
	}
	n.valid = n.locked
	for _, v := range n.cfg.Own {
		if n.Counts(v.Round) {
			n.at(v.Round).of(v.Phase).add(n.cfg.Validators, v)
			n.reached(v)
		}
		if v.Round == n.round {
			n.own = append(n.own, v)
			n.prepared = true // also after a commit vote alone: what comes before it is past
			n.committed = n.committed || v.Phase == Commit
		}
	}
	SortVotes(n.own)
}

// Begin says what a node that starts has to do: send again what it may not have sent before it ended.
func (n *Instance) Begin() []Action {
	n.out = nil
	if n.begun {
		if n.locked.block != None {
			n.want(byLock, n.locked.block)
		}
		n.startRound()
		n.settle()
	}
	return n.out
}

// Step handles one input.
func (n *Instance) Step(in Input) []Action {
	n.out = nil
	if n.decided {
		return nil
	}
	switch in := in.(type) {
	case Verified:
		n.onVerified(in.Block)
	case Preferred:
		n.onPreferred(in)
	case Received:
		n.onVote(in.Vote)
	case Shown:
		n.onProof(in.Proof)
	case Recorded:
		n.onRecorded(in.Vote)
	case Timeout:
		n.onTimeout(in.Timer)
	default:
		panic(fmt.Sprintf("finality: an input of type %T", in)) // the caller's mistake: Input is closed
	}
	n.settle()
	return n.out
}

func (n *Instance) emit(a Action) { n.out = append(n.out, a) }

func (n *Instance) onVerified(block primitives.Hash) {
	n.verified[block] = true
	maps.DeleteFunc(n.wanted, func(_ int, wanted primitives.Hash) bool { return wanted == block })
	n.begin()
}

func (n *Instance) onPreferred(p Preferred) {
	n.verified[p.Block] = true
	n.preferred = p
	n.begin()
}

// begin starts the height: a chain on which nothing is proposed runs no timer.
func (n *Instance) begin() {
	if !n.begun {
		n.begun = true
		n.startRound()
	}
}

// settle does everything that may have become possible, whatever happened. Each step makes others possible.
func (n *Instance) settle() {
	for before := -1; before != len(n.out) && !n.decided; {
		before = len(n.out)
		n.decide()
		if !n.decided {
			n.follow()
		}
		if n.begun && !n.decided {
			n.prepare()
			n.commit()
			n.advance()
		}
	}
}

// Round is the round in which the node is; locked and valid are None where there is no such block.
func (n *Instance) Round() (round uint32, locked, valid primitives.Hash) {
	return n.round, n.locked.block, n.valid.block
}

// Begun tells whether there is something to decide.
func (n *Instance) Begun() bool { return n.begun }

// Silent lists the validators of which no vote of this round or a later one is known, if the height has begun.
func (n *Instance) Silent() (validators []int) {
	for v, latest := range n.latest {
		if n.begun && latest < placeOf(n.round, Prepare) {
			validators = append(validators, v)
		}
	}
	return validators
}

// Decided tells whether the height is.
func (n *Instance) Decided() bool { return n.decided }

// Valid is the proof of the newest block that a quorum has prepared; nil: none is known.
func (n *Instance) Valid() *Proof { return n.valid.proof }

// Votes lists the votes of a round that are known, for a peer that lags or a person who asks why.
func (n *Instance) Votes(in uint32) []Signed {
	r := n.rounds[in]
	if r == nil {
		return nil
	}
	all := func(Signed) bool { return true }
	return append(r.prepare.list(all), r.commit.list(all)...)
}
