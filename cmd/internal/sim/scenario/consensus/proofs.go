package consensus

import (
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/vmhost/chainstore"
)

// proofs checks what nodes can show to strangers: the certificates of what they have accepted.
type proofs struct {
	chain *chain
	// genuine remembers signatures that hold: a vote stands in the certificates of many nodes.
	genuine map[certified]bool
}

// certified is a vote of a certificate.
type certified struct {
	height uint64
	vote   finality.Signed
}

func newProofs(c *chain) proofs {
	return proofs{chain: c, genuine: map[certified]bool{}}
}

// certifies checks that a block that a node has accepted stands with a certificate that convinces anybody who knows the
// validators. Nodes with a flaw that the run is about can't have one.
func (p *proofs) certifies(r *replica, e *chainstore.Entry) {
	if e.Height == 0 || r.liar() || p.chain.net.flaws != (finality.Flaws{}) {
		return
	}
	height, proof, err := finality.DecodeProof(e.Certificate)
	if err == nil {
		err = proof.Check(p.chain.net.set, func(v finality.Signed) bool { return p.holds(height, v) })
	}
	switch {
	case err != nil:
		r.violate("certificate", "what it has accepted at height %d isn't proved: %v", e.Height, err)
	case height != e.Height || proof.Block != e.BlockID || proof.Phase != finality.Commit:
		r.violate("certificate", "what it has accepted at height %d has the proof of something else", e.Height)
	}
}

func (p *proofs) holds(height uint64, v finality.Signed) bool {
	if p.genuine[certified{height, v}] {
		return true
	}
	id := p.chain.id
	holds := finality.VerifyVote(id.NetworkID, id.ID, height, p.chain.net.set, v)
	p.genuine[certified{height, v}] = holds
	return holds
}
