package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/history"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
	"github.com/reevenet/reeve/internal/core/validators"
)

// certifying decides the height above the last accepted block, by votes: it runs that height's finality.Instance, tells
// it what Snowman prefers, and takes its timers and votes to the outside. What is decided waits here until the block is
// there.
//
// A vote of this node is asked for only when the block below is durable, and a commit vote when the block itself is. So
// whatever it has ever voted for, it can prove all that lies below, and show what it is bound to, also after a crash.
type certifying struct {
	*turn
	chain    block.Chain
	set      *validators.Set
	pace     finality.Pace
	flaws    finality.Flaws
	genuine  func(height uint64, v finality.Signed) bool
	accepted *accepted
	tree     *tree.Tree
	pool     *pool
	roster   *roster
	building *building
	issuing  *issuing
	keeping  *keeping
	history  *history.History

	instance *finality.Instance // nil while catching up
	height   uint64             // of it
	since    time.Time          // it has been voted on; zero: nobody votes yet
	own      ownVotes
	verified map[primitives.Hash]bool // what the instance has been told
	told     finality.Preferred
	due      map[finality.Timer]time.Time
	held     []finality.Vote // wanted, in this order, but what they presuppose isn't durable yet
	early    early
	ahead    ahead
	from     primitives.NodeID // who brought what is being handled: it is asked first for blocks that it names

	certificate *finality.Proof // of a block that isn't here yet
	block       *block.Block    // it, when it has come; whatever else is kept here, there is room for it
	askedFor    time.Time       // it was, last
	asked       int             // how often
}

// ownVotes are what this node has voted at one height.
type ownVotes struct {
	height uint64
	votes  []finality.Signed
}

// last is the height, if this node has voted at it; 0: it hasn't.
func (o *ownVotes) last() uint64 {
	if len(o.votes) == 0 {
		return 0
	}
	return o.height
}

// pace of a height: on a calm network nothing waits for a timer. A poll that rivals tie takes the longest.
var defaultPace = finality.Pace{
	Choice: 600 * time.Millisecond, Prepare: 200 * time.Millisecond, Commit: 200 * time.Millisecond,
	Votes: 300 * time.Millisecond, Growth: 100 * time.Millisecond,
}

// refetch is the pause before a certified block is asked for again.
const refetch = 50 * time.Millisecond

// next is when the first timer of the height ends.
func (f *certifying) next() (time.Time, bool) {
	var first time.Time
	for _, at := range f.due { // the order doesn't show in the result
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if f.certificate != nil && (first.IsZero() || f.askedFor.Add(refetch).Before(first)) {
		first = f.askedFor.Add(refetch)
	}
	return first, !first.IsZero()
}

// begin makes the instance of the height above the last accepted block, if there is none.
func (f *certifying) begin() {
	root := f.accepted.root
	if f.instance != nil && f.height == root.Height+1 {
		return
	}
	if f.own.height != root.Height+1 {
		f.own = ownVotes{height: root.Height + 1}
	}
	f.height, f.told, f.held = root.Height+1, finality.Preferred{}, nil
	f.certificate, f.block, f.asked, f.since = nil, nil, 0, time.Time{}
	f.keeping.at(f.height)
	f.verified, f.due = make(map[primitives.Hash]bool), make(map[finality.Timer]time.Time)
	f.instance = finality.New(finality.Config{
		Validators: f.set, Self: f.roster.own, Order: f.building.proposers(root.ID, f.height), Own: f.own.votes,
		Pace:  f.pace,
		Flaws: f.flaws,
	})
	for _, v := range f.own.votes {
		f.saw(f.height, v)
	}
	f.perform(f.instance.Begin())
	for _, v := range f.early.take(f.height) {
		f.step(finality.Received{Vote: v})
	}
}

// end drops the instance: the height is decided elsewhere.
func (f *certifying) end() {
	f.instance, f.due, f.held, f.certificate, f.block, f.since = nil, nil, nil, nil, nil, time.Time{}
}

// tell passes on what has become valid and preferred at the height.
func (f *certifying) tell() {
	for _, id := range f.tree.Candidates() {
		if !f.verified[id] {
			f.verified[id] = true
			f.step(finality.Verified{Block: id})
		}
	}
	id, ok := f.tree.PreferredAt(f.height)
	if now := (finality.Preferred{Block: id, Confident: f.confident(id)}); ok && now != f.told {
		f.told = now
		f.step(now)
	}
}

// confident tells whether no poll need be waited for: one has confirmed the block, or it has no rival and comes from
// the first proposer that is there.
func (f *certifying) confident(id primitives.Hash) bool {
	if f.tree.Confident() {
		return true
	}
	e := f.pool.get(id)
	if e == nil || f.pool.contested(e.block) {
		return false
	}
	order := f.building.proposers(f.accepted.root.ID, f.height)
	return f.building.ahead(order[:min(e.block.Slot, uint64(len(order)))]) == 0
}

// chosen tells whether no poll is needed any more. In later rounds, too, a leader proposes what it prefers.
func (f *certifying) chosen() bool { return f.instance != nil && f.told.Confident }

// expire ends the timers that are due, in their own order.
func (f *certifying) expire() {
	for f.instance != nil {
		var first finality.Timer
		var at time.Time
		for t, due := range f.due { // the order doesn't show in the result
			if at.IsZero() || due.Before(at) || due.Equal(at) && t.Before(first) {
				first, at = t, due
			}
		}
		if at.IsZero() || f.now.Before(at) {
			return
		}
		delete(f.due, first)
		f.step(finality.Timeout{Timer: first})
	}
}

func (f *certifying) step(in finality.Input) { f.perform(f.instance.Step(in)) }

// perform does what the instance wants.
func (f *certifying) perform(actions []finality.Action) {
	if f.since.IsZero() && f.instance.Begun() {
		f.since = f.now
	}
	for _, a := range actions {
		switch a := a.(type) {
		case finality.Record:
			f.held = append(f.held, a.Vote)
			f.release()
		case finality.Send:
			f.emit(SendVotes{Nodes: f.roster.everybody(), Height: f.height, Votes: a.Votes})
		case finality.Show:
			f.emit(SendProof{Nodes: f.roster.everybody(), Proof: a.Proof.Encode(f.height)})
		case finality.Start:
			f.due[a.Timer] = f.now.Add(a.After)
		case finality.Fetch:
			f.look(a)
		case finality.Build:
			f.building.pendingTxs()
		case finality.Ask:
			f.emit(SendGetVotes{Nodes: f.roster.connected(nil), Height: f.height, Round: a.Round})
		case finality.Decide:
			f.certificate, f.due = a.Certificate, nil
		case finality.Accuse:
			f.accuse(f.height, a.First, a.Second)
		}
	}
}

// look fetches a block that a vote names, first from who voted; for who brought it here, when it wasn't a vote.
func (f *certifying) look(a finality.Fetch) {
	n := f.from
	if a.By >= 0 {
		n = f.set.Node(a.By)
	}
	f.issuing.look(a.Block, n)
}

// release asks for the votes that are wanted, in their order, as far as what they presuppose is durable. One whose
// block was given up meanwhile is past.
func (f *certifying) release() {
	if f.instance == nil || f.accepted.stable.Height+1 != f.height {
		return
	}
	_, locked, _ := f.instance.Round()
	for _, v := range f.held {
		f.keeping.want(v.Block, locked)
	}
	for len(f.held) > 0 {
		v := f.held[0]
		binds := v.Phase == finality.Commit && v.Block != finality.None
		durable, wanted := f.keeping.durable(v.Block)
		if binds && !durable && wanted {
			return
		}
		f.held = f.held[1:]
		if durable || !binds {
			f.emit(SignVote{Height: f.height, Vote: v})
		}
	}
}

// onKept: so much of what was to be kept is durable.
func (f *certifying) onKept(number uint64) {
	f.keeping.done = number
	f.release()
}

// onRestored takes a block that this node has kept in an earlier life.
func (f *certifying) onRestored(b *block.Block) {
	if b.Height != f.accepted.root.Height+1 {
		return // it is decided, that one or another
	}
	f.keeping.at(b.Height)
	f.keeping.stays[b.ID()] = 0
	f.issuing.receive(b, f.roster.self, true)
}

// onSigned is the keystore's answer: the vote is durable.
func (f *certifying) onSigned(in VoteSigned) {
	if f.instance != nil && in.Height == f.height {
		f.own.votes = append(f.own.votes, in.Vote)
		f.saw(in.Height, in.Vote)
		f.step(finality.Recorded{Vote: in.Vote})
	}
}

// fetch asks for the block that the certificate is for: who brought it, and then those in turn who signed it.
func (f *certifying) fetch() {
	if f.now.Sub(f.askedFor) < refetch {
		return
	}
	from := f.from
	if signers := f.certificate.Votes; f.asked > 0 {
		from = f.set.Node(signers[f.asked%len(signers)].Validator)
	}
	f.askedFor = f.now
	f.asked++
	f.issuing.fetching.want(f.certificate.Block, from)
}

// wait looks at the certificate again after a while.
func (f *certifying) wait() { f.askedFor = f.now }

// arrived takes the block that the certificate is for.
func (f *certifying) arrived(b *block.Block) {
	if f.certificate != nil && f.certificate.Block == b.ID() {
		f.block = b
	}
}
