package relayvm

import (
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// pending is a candidate on a core: what happens when it becomes available.
type pending struct {
	// Receipt is the canonical bytes of the committed receipt, and Candidate its hash.
	Receipt   []byte          `json:"receipt"`
	Candidate primitives.Hash `json:"candidate"`
	// RelayParent is the height of its relay parent.
	RelayParent uint64 `json:"relayParent"`
	Core        uint32 `json:"core"`
	Group       uint32 `json:"group"`
}

// receipt is the committed receipt. It was encoded here; an error is damage.
func (p *pending) receipt() (candidate.CommittedReceipt, error) {
	return candidate.DecodeCommittedReceipt(p.Receipt)
}

// event is what a block did to a candidate.
type event struct {
	Kind    runtimeapiv1.CandidateEvent_Kind `json:"kind"`
	Receipt []byte                           `json:"receipt"` // canonical bytes of the short form
	Head    HexBytes                         `json:"head"`
	Core    uint32                           `json:"core"`
	Group   uint32                           `json:"group"`
}

// enact takes the bitfields, gives paras the heads of what has become available, and drops what has had its time.
func (r *run) enact(votes []scheduler.Vote) {
	available, timedOut := r.world.cores.Open(r.above.height, votes)
	for _, freed := range available {
		if p := r.leave(freed, runtimeapiv1.CandidateEvent_KIND_INCLUDED); p != nil {
			r.included(freed.Para, p)
		}
	}
	for _, freed := range timedOut {
		r.leave(freed, runtimeapiv1.CandidateEvent_KIND_TIMED_OUT)
	}
}

// leave takes a candidate from its core. One of which nothing else is known leaves without consequences: nil.
func (r *run) leave(freed scheduler.Freed, kind runtimeapiv1.CandidateEvent_Kind) *pending {
	p := r.world.pending[freed.Para]
	if p == nil || p.Candidate != freed.Candidate {
		return nil
	}
	r.world.setPending(freed.Para, nil)
	r.tell(kind, p)
	return p
}

// tell adds an event to those of the block.
func (r *run) tell(kind runtimeapiv1.CandidateEvent_Kind, p *pending) {
	c, err := p.receipt()
	if err != nil {
		return
	}
	short, err := c.Receipt()
	if err != nil {
		return
	}
	r.world.emit(event{
		Kind: kind, Receipt: short.Encode(), Head: c.Commitments.HeadData, Core: p.Core, Group: p.Group,
	})
}

// included gives a para the head of a candidate, and announces the code that it brings.
func (r *run) included(para uint32, p *pending) {
	at := r.world.paras[para]
	known, err := p.receipt()
	if err != nil || at == nil {
		return
	}
	short, err := known.Receipt()
	if err != nil {
		return
	}
	changed := after(*at, known.Commitments, p.RelayParent, r.above.height, &r.world.config.Active)
	changed.Last = &LastIncluded{Candidate: p.Candidate, Receipt: short.Encode(), Session: r.world.session.Index}
	r.world.setPara(changed)
	r.remember(p.Candidate)
}

// after is a para after a candidate on a relay parent has been included at a height.
func after(p Para, c candidate.Commitments, relayParent, height uint64, config *Configuration) Para {
	p = p.upgraded(relayParent, height)
	p.Head, p.Included = c.HeadData, height
	p.Upward += uint64(len(c.UpwardMessages))
	if code := c.NewValidationCode; code != nil && p.Upgrade == nil {
		p.Upgrade = &Upgrade{Code: code.Hash, At: relayParent + config.ValidationUpgradeDelay}
	}
	return p
}

// occupy puts candidates on their cores.
func (r *run) occupy(list []*backed, cores []uint32) error {
	backings := make([]scheduler.Backing, len(list))
	for i, b := range list {
		backings[i] = scheduler.Backing{Core: cores[i], Candidate: b.hash}
	}
	if err := r.world.cores.Close(r.above.height, backings); err != nil {
		return err
	}
	for i, b := range list {
		group, _ := r.world.cores.GroupForCore(cores[i], r.above.height)
		p := &pending{
			Receipt: b.canonical, Candidate: b.hash, RelayParent: r.above.height - 1, Core: cores[i], Group: group,
		}
		r.world.setPending(b.para(), p)
		r.tell(runtimeapiv1.CandidateEvent_KIND_BACKED, p)
	}
	return nil
}

// happened is the event as users see it.
func (e event) happened(height uint64) Happened {
	h := Happened{Event: eventWords[e.Kind], Core: e.Core, Height: height, Head: e.Head}
	if r, err := candidate.DecodeReceipt(e.Receipt); err == nil {
		h.Candidate, h.Para = r.Hash(), r.Descriptor.Collation.ParaID
	}
	return h
}
