package consensus

import (
	"github.com/reevenet/reeve/internal/core/evidence"
	store "github.com/reevenet/reeve/internal/store/evidence"
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
	who, err := e.Check(networkNumber, v.chain.id.ID, v.chain.net.set)
	switch {
	case err != nil:
		from.violate("evidence", "it hands on what proves nothing: %v", err)
	case !v.chain.replicas[who].liar():
		from.violate("evidence", "it has evidence against honest node %d: %s", who, e)
	}
}

// evidence is what a node has on its disk, by whom it is against.
func (r *replica) evidence() (map[int]int, error) {
	files, err := store.List(r.node.Disk.Process(), evidenceDir+r.chain.genesis.Name)
	against := map[int]int{}
	for _, f := range files {
		if f.Err != nil {
			return nil, f.Err
		}
		who, err := f.Evidence.Check(networkNumber, r.chain.id.ID, r.chain.net.set)
		if err != nil {
			return nil, err
		}
		against[who]++
	}
	return against, err
}
