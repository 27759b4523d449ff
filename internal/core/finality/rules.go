package finality

import "github.com/reevenet/reeve/internal/core/primitives"

// decide looks for a certificate, in any round.
func (n *Instance) decide() {
	var best *Proof
	for r, known := range n.rounds {
		if block, ok := known.commit.quorum(n.quorum); ok && block != None && (best == nil || r < best.Round) {
			best = known.commit.prove(block)
		}
	}
	if best != nil {
		n.conclude(best)
	}
}

func (n *Instance) conclude(certificate *Proof) {
	n.decided = true
	n.emit(Decide{Certificate: certificate})
}

// prepare gives the prepare vote of the round when there is a block to vote for. The timer does when there is none.
func (n *Instance) prepare() {
	if n.prepared {
		return
	}
	if block := n.choice(); block != None {
		n.vote(Prepare, block)
	}
}

// choice is the block to vote for before the timer ends; None: wait.
func (n *Instance) choice() primitives.Hash {
	switch {
	case n.round == 0 && n.preferred.Confident:
		return n.preferred.Block
	case n.round == 0:
		return None
	case n.leads():
		return n.proposal()
	default:
		proposed, ok := n.at(n.round).prepare.votes[n.leader(n.round)]
		if ok && n.mayPrepare(proposed.Block) {
			return proposed.Block
		}
		return None
	}
}

// proposal is what this node votes for when it leads a round: what a quorum has prepared, else what Snowman prefers.
// What was prepared and isn't here may be nowhere any more, since who has only prepared a block may have lost it in a
// crash. Whoever is locked on it has kept it, and votes for nothing else.
func (n *Instance) proposal() primitives.Hash {
	switch {
	case n.mayPrepare(n.valid.block):
		return n.valid.block
	case n.mayPrepare(n.preferred.Block):
		return n.preferred.Block
	}
	return None
}

// mayPrepare is the rule that makes the certificate safe: a node that is locked votes for another block only if a
// quorum prepared that block in a round from its lock on. A block that was not verified gets no vote at all.
func (n *Instance) mayPrepare(block primitives.Hash) bool {
	if block == None || !n.verified[block] {
		return false
	}
	if n.locked.block == None || n.locked.block == block {
		return true
	}
	if n.valid.block == block && n.valid.round >= n.locked.round {
		return true
	}
	for r, known := range n.rounds {
		if r >= n.locked.round {
			if prepared, ok := known.prepare.quorum(n.quorum); ok && prepared == block {
				return true
			}
		}
	}
	return false
}

// fallback is what to vote for when the timer has ended: what a quorum has prepared last, which the lock allows; in
// round 0 what Snowman prefers; None.
func (n *Instance) fallback() primitives.Hash {
	switch {
	case n.mayPrepare(n.valid.block):
		return n.valid.block
	case n.mayPrepare(n.locked.block):
		return n.locked.block
	case n.round == 0 && n.mayPrepare(n.preferred.Block):
		return n.preferred.Block
	}
	return None
}

// commit gives the commit vote of the round, and remembers what a quorum has prepared, in this round or an earlier one.
func (n *Instance) commit() {
	n.learnValid()
	now := n.at(n.round)
	block, ok := now.prepare.quorum(n.quorum)
	skips := n.unprepared(now)
	switch {
	case n.committed:
	case skips != None:
		n.vote(Commit, skips)
	case ok && block == None:
		n.vote(Commit, None)
	case ok && n.verified[block]:
		n.locked = lock{block, n.round, now.prepare.prove(block)}
		n.vote(Commit, block)
	case n.beyond(placeOf(n.round, Prepare)) >= n.quorum:
		n.start(ForPrepare)
	}
}

// learnValid finds the newest block that a quorum prepared.
func (n *Instance) learnValid() {
	for r, known := range n.rounds {
		if n.isNews(r) {
			if block, ok := known.prepare.quorum(n.quorum); ok && block != None {
				n.learn(known.prepare.prove(block))
			}
		}
	}
}

// isNews tells whether a prepare quorum of the round would be newer than what is known.
func (n *Instance) isNews(r uint32) bool {
	return n.valid.block == None || r > n.valid.round || r == n.valid.round && n.valid.proof == nil
}

func (n *Instance) learn(p *Proof) {
	if n.isNews(p.Round) {
		n.valid = lock{p.Block, p.Round, p}
	}
}

// advance goes to the next round when this one can't decide: at once when a quorum committed to nothing, else after a
// while.
func (n *Instance) advance() {
	now := n.at(n.round)
	block, ok := now.commit.quorum(n.quorum)
	switch {
	case ok && block == None:
		n.enter(n.round + 1)
	case n.beyond(placeOf(n.round, Commit)) >= n.quorum:
		n.start(ForCommit)
	}
}
