package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// onPushQuery answers with the preference as it is, and then looks at the block.
func (c *Core) onPushQuery(in PushQuery) {
	c.answerQuery(in.Node, in.RequestID, in.Height)
	b, err := block.Decode(c.cfg.Chain, in.Container)
	if err != nil {
		c.emit(Report{Node: in.Node, Cost: costUndecodable, Reason: err.Error()})
		return
	}
	c.hint(in.Node, b.ID())
	c.receive(b, in.Node, false)
}

// onPullQuery likewise. A block that is unknown is fetched from whoever asks about it.
func (c *Core) onPullQuery(in PullQuery) {
	c.answerQuery(in.Node, in.RequestID, in.Height)
	c.hint(in.Node, in.ID)
	c.look(in.ID, in.Node)
}

// answerQuery says what this node prefers and what it has durably accepted.
func (c *Core) answerQuery(to primitives.NodeID, id uint32, height uint64) {
	tip, upTo := c.vote()
	at, ok := c.tree.PreferredAt(height)
	if !ok || height > upTo {
		if at, ok = c.recent.ids[height]; !ok {
			at = c.stable.ID
		}
	}
	c.emit(SendChits{Node: to, RequestID: id, Preferred: tip, PreferredAt: at, Accepted: c.stable.ID, AcceptedHeight: c.stable.Height})
}

// onChits counts a vote.
func (c *Core) onChits(in Chits) {
	if !c.answered(in.Node, in.RequestID, requests.Chits) {
		return
	}
	if p := c.peers[in.Node]; p != nil && in.AcceptedHeight >= p.height {
		p.accepted, p.height = in.Accepted, in.AcceptedHeight
		c.rose(p.height)
	}
	c.hint(in.Node, in.Preferred)
	c.look(in.Preferred, in.Node)
	vote, ok := c.resolve(in.Preferred)
	if !ok {
		vote, _ = c.resolve(in.PreferredAt)
	}
	c.polls.Vote(in.RequestID, in.Node, vote, c.claim(in), c.now)
}

// claim is the block here that the voter has accepted, as far as that can be known: its last accepted block may be far above.
func (c *Core) claim(in Chits) primitives.Hash {
	claim, ok := c.resolve(in.Accepted)
	if !ok && in.AcceptedHeight > c.root.Height {
		c.look(in.PreferredAt, in.Node)
		claim, _ = c.resolve(in.PreferredAt)
	}
	return claim
}

// resolve finds what a vote counts for: the nearest ancestor that is issued. A vote for something decided counts for the last accepted
// block, that is for nobody.
func (c *Core) resolve(id primitives.Hash) (primitives.Hash, bool) {
	for range maxUndecided {
		switch e := c.blocks[id]; {
		case c.tree.Knows(id):
			return id, true
		case e != nil:
			id = e.block.Parent
		case c.memory.isInvalid(id):
			id = c.memory.invalid[id]
		case c.recent.has(id):
			return c.root.ID, true
		default:
			return primitives.Hash{}, false
		}
	}
	return primitives.Hash{}, false
}

// hint remembers what a peer was last seen to prefer.
func (c *Core) hint(n primitives.NodeID, id primitives.Hash) {
	if p := c.peers[n]; p != nil && p.hint != id {
		p.hint = id
		c.repoll.heard = true
	}
}

// look fetches a block that a peer speaks of and that nobody here knows; or, if that one waits, the ancestor that is missing.
func (c *Core) look(id primitives.Hash, from primitives.NodeID) {
	for c.blocks[id] != nil && c.blocks[id].state == waiting {
		id = c.blocks[id].block.Parent
	}
	if !id.IsZero() && !c.tree.Knows(id) && c.blocks[id] == nil && !c.memory.isInvalid(id) && !c.recent.has(id) && !c.catchUp.active() {
		c.fetch(id, from)
	}
}
