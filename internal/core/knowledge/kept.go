package knowledge

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
)

// Counts are what is kept because of somebody.
type Counts struct {
	// RelayParents that a peer shares with this node.
	RelayParents int
	// Candidates and Statements of them.
	Candidates, Statements int
}

// OfPeer counts what a peer knows, or has told. Nothing else of it is kept but its view.
func (d *Distribution) OfPeer(id primitives.NodeID) (c Counts) {
	at, known := d.find(id)
	if !known {
		return c
	}
	for _, k := range d.peers[at].shared { // the order doesn't show in the result
		c.RelayParents++
		c.Candidates += len(k.known)
		c.Statements += len(k.sent.said) + len(k.received.said)
	}
	return c
}

// OfValidator counts what is kept of a validator's statements at a relay parent, whoever has sent them.
func (d *Distribution) OfValidator(relayParent primitives.Hash, validator uint32) (c Counts) {
	if h := d.heads[relayParent]; h != nil {
		c = Counts{1, len(h.seconded[validator]), h.words[validator]}
	}
	return c
}

// MostKept is what can be kept at most because of a peer, where all sessions have so many validators, and because of a
// validator at a relay parent.
func MostKept(validators int) (ofPeer, ofValidator Counts) {
	const ways = 2 // sent and received
	ofValidator = Counts{1, maxSeconded, maxWords}
	parents := view.MaxHeads
	return Counts{parents, parents * ways * maxSeconded * validators, parents * ways * maxWords * validators}, ofValidator
}
