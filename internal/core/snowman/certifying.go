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
	held     []finality.Record // wanted, in this order, but what they presuppose isn't durable yet
	restored []byte            // a proof of an earlier life, until the height begins
	early    early
	ahead    ahead
	from     primitives.NodeID // who brought what is being handled: it is asked first for blocks that it names

	certificate *finality.Proof // of a block that isn't here yet
	block       *block.Block    // it, when it has come; whatever else is kept here, there is room for it
	askedFor    time.Time       // it was, last
	asked       int             // how often
}

// pace of a height: on a calm network nothing waits for a timer. A poll that rivals tie takes the longest.
var defaultPace = finality.Pace{
	Choice: 600 * time.Millisecond, Prepare: 200 * time.Millisecond, Commit: 200 * time.Millisecond,
	Votes: 300 * time.Millisecond, Growth: 100 * time.Millisecond,
}

// begin makes the instance of the height above the last accepted block, if there is none.
func (f *certifying) begin() {
	root := f.accepted.root
	if f.instance != nil && f.height == root.Height+1 {
		return
	}
	f.height, f.told, f.held = root.Height+1, finality.Preferred{}, nil
	f.certificate, f.block, f.asked, f.since = nil, nil, 0, time.Time{}
	f.keeping.at(f.height)
	f.verified, f.due = make(map[primitives.Hash]bool), make(map[finality.Timer]time.Time)
	own := f.own.at(f.height)
	f.instance = finality.New(finality.Config{
		Validators: f.set, Self: f.roster.own, Order: f.building.proposers(f.height), Own: own, Pace: f.pace,
		Flaws: f.flaws,
	})
	for _, v := range own {
		f.saw(f.height, v)
	}
	f.perform(f.instance.Begin())
	f.recall()
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
	order := f.building.proposers(f.height)
	return f.building.ahead(order[:min(e.block.Slot, uint64(len(order)))]) == 0
}

// certain tells whether a quorum has prepared the block at this height: another has hardly a chance any more.
func (f *certifying) certain(id primitives.Hash) bool {
	if f.instance == nil {
		return false
	}
	_, _, valid := f.instance.Round()
	return valid == id
}

// chosen tells whether no poll is needed any more. In later rounds, too, a leader proposes what it prefers.
func (f *certifying) chosen() bool { return f.instance != nil && f.told.Confident }

func (f *certifying) step(in finality.Input) { f.perform(f.instance.Step(in)) }

// perform does what the instance wants.
func (f *certifying) perform(actions []finality.Action) {
	if f.since.IsZero() && f.instance.Begun() {
		f.since = f.now
	}
	for _, a := range actions {
		switch a := a.(type) {
		case finality.Record:
			f.held = append(f.held, a)
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
