package snowman

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
)

// votes is what this node says when it is asked, and what the words of others count for here. Both speak of blocks that
// are in the tree only: a vote for a block that is unknown counts for the nearest ancestor that isn't.
type votes struct {
	tree     *tree.Tree
	pool     *pool
	accepted *accepted
}

// answer is what this node prefers, alone and at a height, and what it has durably accepted.
func (v *votes) answer(to primitives.NodeID, request uint32, height uint64) Action {
	tip, _ := v.tree.Preference()
	at, ok := v.tree.PreferredAt(height)
	if !ok {
		if at, ok = v.accepted.at(height); !ok {
			at = v.accepted.stable.ID
		}
	}
	last := v.accepted.stable
	return SendChits{
		Node: to, RequestID: request, Preferred: tip, PreferredAt: at, Accepted: last.ID, AcceptedHeight: last.Height,
	}
}

// query asks one node what it prefers now; it is built by the state at the time when the question is first asked.
func (v *votes) query(request uint32) func(primitives.NodeID) Action {
	ask := v.queryAll(request, nil)
	return func(n primitives.NodeID) Action {
		q := ask
		q.Nodes = []primitives.NodeID{n}
		return q
	}
}

func (v *votes) queryAll(request uint32, nodes []primitives.NodeID) SendPullQuery {
	tip, _ := v.tree.Preference()
	return SendPullQuery{Nodes: nodes, RequestID: request, ID: tip, Height: v.accepted.root.Height + 1}
}

// lastOf is what a peer's last accepted block counts for, as far as it has named one that is known. Nil: the peer is
// gone.
func (v *votes) lastOf(p *peer) primitives.Hash {
	if p == nil {
		return primitives.Hash{}
	}
	vote, _ := v.resolve(p.accepted)
	return vote
}

// resolve finds what a vote counts for: the nearest ancestor that is issued. A vote for something decided counts for
// the last accepted block, that is for nobody.
func (v *votes) resolve(id primitives.Hash) (primitives.Hash, bool) {
	for range maxUndecided {
		switch e := v.pool.get(id); {
		case v.tree.Knows(id):
			return id, true
		case e != nil:
			id = e.block.Parent
		case v.pool.isInvalid(id):
			id = v.pool.known[id].parent
		case v.accepted.has(id):
			return v.accepted.root.ID, true
		default:
			return primitives.Hash{}, false
		}
	}
	return primitives.Hash{}, false
}
