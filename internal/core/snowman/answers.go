package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// What peers say, and how the questions to them end.

func (c *Core) onConnected(n primitives.NodeID) {
	if c.roster.connect(n) {
		c.frontier.soon() // learn at once how far the others are
		c.polling.heard = true
	}
}

func (c *Core) onDisconnected(n primitives.NodeID) {
	if !c.roster.disconnect(n) {
		return
	}
	c.building.peerGone()
	for _, k := range c.asking.table.Disconnect(n) {
		c.fail(k, requests.Disconnected)
	}
}

// onPushQuery answers with the preference as it is, and then looks at the block.
func (c *Core) onPushQuery(in PushQuery) {
	c.emit(c.votes.answer(in.Node, in.RequestID, in.Height))
	b, err := block.Decode(c.chain, in.Container)
	if err != nil {
		c.emit(Report{Node: in.Node, Cost: costUndecodable, Reason: err.Error()})
		return
	}
	c.hint(in.Node, b.ID())
	c.issuing.receive(b, in.Node, false)
}

// onPullQuery likewise. A block that is unknown is fetched from whoever asks about it.
func (c *Core) onPullQuery(in PullQuery) {
	c.emit(c.votes.answer(in.Node, in.RequestID, in.Height))
	c.hint(in.Node, in.ID)
	c.issuing.look(in.ID, in.Node)
}

// hint remembers what a peer was last seen to prefer.
func (c *Core) hint(n primitives.NodeID, id primitives.Hash) {
	if c.roster.hint(n, id) {
		c.polling.heard = true
	}
}

// onChits counts a vote.
func (c *Core) onChits(in Chits) {
	if !c.answered(in.Node, in.RequestID, requests.Chits) {
		return
	}
	c.roster.reported(in.Node, in.Accepted, in.AcceptedHeight)
	c.hint(in.Node, in.Preferred)
	c.lookAt(in, in.Preferred)
	c.lookAt(in, in.PreferredAt)
	vote, ok := c.votes.resolve(in.Preferred)
	if !ok {
		vote, _ = c.votes.resolve(in.PreferredAt)
	}
	c.polling.open.Vote(in.RequestID, in.Node, vote, c.now)
}

// lookAt fetches a block that a vote names, unless it is the last accepted one of a voter that isn't ahead.
func (c *Core) lookAt(in Chits, id primitives.Hash) {
	if id != in.Accepted || in.AcceptedHeight > c.accepted.root.Height {
		c.issuing.look(id, in.Node)
	}
}

func (c *Core) onPut(in Put) {
	if !c.answered(in.Node, in.RequestID, requests.Put) {
		return
	}
	b, err := block.Decode(c.chain, in.Container)
	if err != nil || b.ID() != c.fetching.wanted(in.RequestID) {
		c.emit(Report{Node: in.Node, Cost: costUndecodable, Reason: "not the block that was asked for"})
		c.fetchFailed(in.Node, in.RequestID)
		return
	}
	c.issuing.take(b, in.Node, c.fetching.done(in.RequestID))
	c.deciding.arrived(b)
	if len(in.Certificate) > 0 {
		c.deciding.onCertified(in.Node, b, in.Certificate)
	}
}

// onCertified takes a block that was decided while this node was away or didn't hear enough.
func (c *Core) onCertified(in Certified) {
	b, err := block.Decode(c.chain, in.Container)
	if err != nil {
		c.emit(Report{Node: in.Node, Cost: costUndecodable, Reason: err.Error()})
		return
	}
	c.deciding.onCertified(in.Node, b, in.Certificate)
}

func (c *Core) onAncestors(in Ancestors) {
	if c.answered(in.Node, in.RequestID, requests.Ancestors) {
		c.catchUp.onAncestors(in)
	}
}

func (c *Core) onAcceptedFrontier(in AcceptedFrontier) {
	if c.answered(in.Node, in.RequestID, requests.AcceptedFrontier) {
		c.catchUp.onAcceptedFrontier(in)
	}
}

func (c *Core) onAccepted(in Accepted) {
	if c.answered(in.Node, in.RequestID, requests.Accepted) {
		c.catchUp.onAccepted(in)
	}
}

// answered ends a question with its answer. False: nobody waits for it.
func (c *Core) answered(n primitives.NodeID, id uint32, answer requests.Answer) bool {
	if !c.asking.answered(n, id, answer) {
		return false
	}
	c.roster.answered(n)
	return true
}

func (c *Core) onRequestFailed(in RequestFailed) {
	if k, open := c.asking.failed(in.Node, in.RequestID, in.Answer); open {
		c.fail(k, in.Reason)
	}
}

// expire ends the questions whose time is over.
func (c *Core) expire() {
	for _, k := range c.asking.table.Expire(c.now) {
		c.fail(k, requests.TimedOut)
	}
}

// fail is the one place where a question ends without an answer. It isn't outstanding any more.
func (c *Core) fail(k requests.Key, why requests.Reason) {
	if why == requests.TimedOut {
		c.roster.missed(k.Node)
	}
	switch k.Answer {
	case requests.Chits:
		c.polling.unanswered(k.ID, k.Node)
	case requests.Put:
		c.fetchFailed(k.Node, k.ID)
	default:
		c.catchUp.requestFailed(k)
	}
}

// fetchFailed has another peer asked for the block, unless catching up will bring it.
func (c *Core) fetchFailed(from primitives.NodeID, request uint32) {
	if c.catchUp.active() {
		c.fetching.done(request)
	} else {
		c.fetching.failed(from, request)
	}
}
