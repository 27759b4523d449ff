package finality

import "github.com/reevenet/reeve/internal/core/primitives"

// Flaws make an Instance wrong on purpose, so that whoever checks it can show that he would notice. Nothing but tests
// and the controls of the simulation sets any.
type Flaws struct {
	// HalfQuorum takes half of the stake for a quorum: two quorums need not share anybody.
	HalfQuorum bool
	// SkipPrepare commits to what this node itself has prepared, without a quorum's prepare votes, and so without a
	// lock.
	SkipPrepare bool
	// ForgetLocks begins again with what this node has signed, but not bound by it.
	ForgetLocks bool
}

// quorum is what counts as one.
func (f Flaws) quorum(total uint64) uint64 {
	if f.HalfQuorum {
		return total - total/2
	}
	return Quorum(total)
}

// unprepared is the block to which a node commits that skips the prepare quorum; None: it doesn't.
func (n *Instance) unprepared(now *round) primitives.Hash {
	own, voted := now.prepare.votes[n.cfg.Self]
	if !n.cfg.Flaws.SkipPrepare || !voted || !n.verified[own.Block] {
		return None
	}
	return own.Block
}
