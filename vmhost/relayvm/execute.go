package relayvm

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
)

// run is the execution of one block: what it is, what it finds, and what it leaves.
type run struct {
	ctx    context.Context
	vm     *VM
	parent *block
	above  above
	state  *state.State
	world  *world
	fates  []fate

	includes []primitives.Hash // candidates that the block includes
}

// above is what is fixed of a block before it is executed.
type above struct {
	height          uint64
	consensusParent vmsdk.ID
	at              time.Time
}

func blockAbove(parent *block, consensusParent vmsdk.ID, at time.Time) above {
	return above{height: parent.Height() + 1, consensusParent: consensusParent, at: at}
}

// outcome is what a block leaves.
type outcome struct {
	state *state.State
	world *world
	root  [32]byte
	undo  []piece // the changed pieces of the world as they were
	fates []fate
}

// fate is what became of a transaction that did nothing; its nonce is used up all the same.
type fate struct {
	tx  vmsdk.ID
	why string
}

func (vm *VM) newRun(ctx context.Context, parent *block, a above) *run {
	return &run{
		ctx: ctx, vm: vm, parent: parent, above: a, state: parent.state.Child(), world: parent.after.world.child(),
	}
}

// execute is the order of a block: its inherent (bitfields, what they make available, what has had its time,
// candidates, misbehaviour), then transactions, then what time brings: owners' upgrades, and a new session. One thing
// of the inherent that is wrong makes the block invalid; a transaction that can't do what it says doesn't.
func (vm *VM) execute(ctx context.Context, parent *block, a above, inherent []byte, list []*Tx) (*outcome, error) {
	r := vm.newRun(ctx, parent, a)
	if err := r.include(inherent); err != nil {
		return nil, err
	}
	if err := r.perform(list); err != nil {
		return nil, err
	}
	r.age()
	return r.finish()
}

// perform does what transactions say, one after the other.
func (r *run) perform(list []*Tx) error {
	keys := make([]string, 0, 2*len(list))
	for _, tx := range list {
		keys = append(keys, tx.Account, balanceKey(tx.sender()))
	}
	if err := r.state.Load(r.ctx, keys...); err != nil {
		return err
	}
	for _, tx := range list {
		if err := tx.Spend(r.state); err != nil {
			return err
		}
		switch why, err := tx.call.apply(r, tx.sender()); {
		case err != nil:
			return err
		case why != "":
			r.fates = append(r.fates, fate{tx.ID(), why})
		}
	}
	return nil
}

// age does what comes by time alone.
func (r *run) age() {
	height, period := r.above.height, r.world.config.Active.AcceptancePeriod
	for _, id := range slices.Sorted(maps.Keys(r.world.paras)) {
		p := *r.world.paras[id]
		if u := p.Upgrade; u != nil && u.ByOwner && height >= u.At {
			p = p.upgraded(height, height)
			r.world.setPara(p)
		}
		if pruned, changed := p.pruned(height, period); changed {
			r.world.setPara(pruned)
		}
	}
	r.world.nextSession(height, r.above.consensusParent)
}

// finish writes the changed pieces of the world into the state.
func (r *run) finish() (*outcome, error) {
	out := &outcome{state: r.state, world: r.world, fates: r.fates}
	keys := slices.Sorted(maps.Keys(r.world.changed))
	if err := r.state.Load(r.ctx, keys...); err != nil {
		return nil, err
	}
	for _, key := range keys {
		out.undo = append(out.undo, piece{Key: key, Value: r.state.Get(key)})
		if value := r.world.encode(key); value != nil {
			r.state.Put(key, value)
		} else {
			r.state.Delete(key)
		}
	}
	out.root = r.state.Root()
	return out, nil
}

// get is an entry of the state that isn't part of the world; nil: there is none.
func (r *run) get(key string) ([]byte, error) {
	err := r.state.Load(r.ctx, key)
	if err != nil {
		return nil, err
	}
	return r.state.Get(key), nil
}

// relayParent is the block on which the candidates of this one were made.
func (r *run) relayParent() primitives.Hash { return r.above.consensusParent }
