package collator

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// maxCollations is how many collations are remembered.
const maxCollations = 256

// collation is what was made of an opportunity.
type collation struct {
	*collator
	relayParent *relayParent
	para        uint32
	receipt     candidate.Receipt
	head        primitives.Hash // of the para, after it
	hash        primitives.Hash // of the receipt, once it is signed
	pov         *primitivesv1.PoV
	size        uint64
	held        bool
	signed      bool
	asked       []*subsystem.Message // submissions that wait for the signature

	// group are the validators that may back it, and offered those it was offered to; the node's own has no id here.
	group   []primitives.NodeID
	offered map[primitives.NodeID]bool
	upload  upload

	// refusals are validators' words; last is the last step that was told.
	refusals                        map[primitives.NodeID]*primitivesv1.CollationRefused
	last                            *primitivesv1.CollationStatus
	seconded, backed, onCore, ended bool
}

// remember keeps a signed collation, and knows whom to offer it to.
func (col *collation) remember(ch *chance) {
	c := col.collator
	col.offered = map[primitives.NodeID]bool{}
	col.refusals = map[primitives.NodeID]*primitivesv1.CollationRefused{}
	col.upload.served = map[primitives.NodeID]uint64{}
	f := col.relayParent.facts
	for _, v := range ch.seat.Group {
		if int64(v) >= int64(len(f.Validators)) {
			continue
		}
		id, err := primitives.NodeIDFrom(f.Validators[v].GetNodeId())
		switch {
		case int(v) == f.Own:
			col.group = append(col.group, self)
		case err == nil: // nobody can reach another
			col.group = append(col.group, id)
		}
	}
	c.collations[col.hash] = col
	c.order = append(c.order, col)
	if len(c.order) > maxCollations {
		oldest := c.order[0]
		oldest.refuse(nodeFault, "too many collations came after it")
		delete(c.collations, oldest.hash)
		c.order = c.order[1:]
	}
	c.counts.made++
}

func (col *collation) release() {
	if col.held {
		col.held = false
		col.sub.Blobs().Release(col.pov.GetBlockData())
	}
}

// onOutcome takes the word of a validator of the group.
func (col *collation) onOutcome(from primitives.NodeID, s *primitivesv1.CollationStatus) {
	switch k := s.GetKind().(type) {
	case *primitivesv1.CollationStatus_Seconded:
		if !col.seconded {
			col.seconded = true
			col.step(s)
		}
	case *primitivesv1.CollationStatus_Backed:
		if !col.backed {
			col.backed = true
			col.step(s)
		}
	case *primitivesv1.CollationStatus_Refused:
		col.refusals[from] = k.Refused
		col.sub.Log.Debug("a validator refuses a collation", "candidate", col.hash.Short(), "why", k.Refused.GetReason())
		if len(col.refusals) == len(col.group) && !col.seconded {
			col.refuse(k.Refused.GetReason(), "all validators refuse it, the last: "+k.Refused.GetDetail())
		}
	}
}

// refuse ends a collation's life.
func (col *collation) refuse(why primitivesv1.CollationRefusal, detail string) {
	if col.ended {
		return
	}
	col.counts.refused++
	col.sub.Log.Info("a collation goes no further", "candidate", col.hash.Short(), "para", col.para, "why", why,
		"detail", detail)
	col.step(&primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Refused{
		Refused: &primitivesv1.CollationRefused{Reason: why, Detail: detail}}})
}

// step tells who watches the para. Inclusion and refusal are the last.
func (col *collation) step(s *primitivesv1.CollationStatus) {
	if col.ended {
		return
	}
	col.ended = s.GetIncluded() != nil || s.GetRefused() != nil
	col.last = s
	for _, w := range col.watchers {
		if w.para == col.para {
			w.m.Item(col.news())
		}
	}
	if col.ended {
		col.release()
	}
}

// reason is why a collation that its relay parent's children left out wasn't backed: a validator's word if there is
// one that says more than that time went by.
func (col *collation) reason() (primitivesv1.CollationRefusal, string) {
	ids := slices.Clone(col.group)
	slices.SortFunc(ids, primitives.NodeID.Compare)
	for _, id := range ids {
		r := col.refusals[id]
		if r != nil && r.GetReason() != notBackedInTime && r.GetReason() != unknownRelayParent {
			return r.GetReason(), "a validator's word: " + r.GetDetail()
		}
	}
	if len(col.offered) == 0 {
		return notBackedInTime, "none of the validators that could back it was connected and had its relay parent in view"
	}
	return notBackedInTime, leftBehind
}
