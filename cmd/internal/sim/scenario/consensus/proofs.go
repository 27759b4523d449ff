package consensus

import (
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/vmhost/chainstore"
)

// proofs checks what nodes can show to strangers: the certificates of what they have accepted.
type proofs struct{ chain *chain }

// certifies checks that a block that a node has accepted stands with a certificate that convinces anybody who knows the
// validators. Nodes with a flaw that the run is about can't have one.
func (p *proofs) certifies(r *replica, e *chainstore.Entry) {
	if e.Height == 0 || r.liar() || p.chain.net.flaws != (finality.Flaws{}) {
		return
	}
	height, proof, err := finality.DecodeProof(e.Certificate)
	if err == nil {
		err = proof.Check(p.chain.net.Set, func(v finality.Signed) bool { return p.chain.signatures.OfVote(height, v) })
	}
	switch {
	case err != nil:
		r.violate("certificate", "what it has accepted at height %d isn't proved: %v", e.Height, err)
	case height != e.Height || proof.Block != e.BlockID || proof.Phase != finality.Commit:
		r.violate("certificate", "what it has accepted at height %d has the proof of something else", e.Height)
	}
}
