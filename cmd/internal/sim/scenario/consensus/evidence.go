package consensus

import (
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/internal/core/evidence"
)

// onEvidence looks at what nodes tell of others: an honest one hands on only what holds, and nothing that holds is
// against an honest one.
func (v *votes) onEvidence(from *replica, raw []byte) {
	if from.liar() {
		return
	}
	e, err := evidence.Decode(raw)
	if err != nil {
		from.violate("evidence", "it hands on what is no evidence: %v", err)
		return
	}
	*v.evidence++
	who, err := e.Check(validatornet.Number, v.chain.id.ID, v.chain.net.Set)
	switch {
	case err != nil:
		from.violate("evidence", "it hands on what proves nothing: %v", err)
	case !v.chain.replicas[who].liar():
		from.violate("evidence", "it has evidence against honest node %d: %s", who, e)
	}
}
