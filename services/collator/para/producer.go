package para

import (
	"time"

	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

const (
	// silence is how long the collator may say nothing before it is asked again.
	silence = 10 * time.Minute
	// again is the pause before that, when it was away.
	again = 500 * time.Millisecond
	// submitTimeout is how long it may take to sign and offer a block.
	submitTimeout = 15 * time.Second
	// povLease is how long a proof of validity stays without the collator's own lease.
	povLease = time.Minute
)

// producer is the handler.
type producer struct {
	sub      *subsystem.Sub
	para     uint32
	chain    Chain // and what else it is: Observer and the others
	finality finality

	building bool
	next     *collatorv1.Opportunity // the newest that came meanwhile
	refused  collatorv1.CollateOnResponse_Refusal
}

func newProducer(sub *subsystem.Sub, id uint32, chain Chain) *producer {
	p := &producer{sub: sub, para: id, chain: chain}
	p.finality = newFinality(func(candidate []byte) {
		if o, ok := chain.(FinalityObserver); ok {
			o.Final(candidate)
		}
	})
	return p
}

// Signal follows what is final. When to build the collator says.
func (p *producer) Signal(sig *overseerv1.Signal) { p.finality.signal(sig) }

// Handle refuses: nobody sends to a block producer.
func (p *producer) Handle(m *subsystem.Message) { m.Unknown() }

// collate asks for opportunities, again and again.
func (p *producer) collate() {
	subsystem.Watch(p.sub, &collatorv1.CollateOn{Para: p.para}, silence, p.onCollate, func(err error) {
		p.sub.Log.Debug("no opportunities come any more; they are asked for again", "err", err)
		p.sub.After(again, p.collate)
	})
}

func (p *producer) onCollate(r *collatorv1.CollateOnResponse) {
	o := r.GetOpportunity()
	if o == nil {
		if why := r.GetRefusal(); why != p.refused {
			p.refused = why
			p.sub.Log.Warn("there is nothing to collate on; it is asked again", "para", p.para, "why", why)
		}
		return
	}
	p.refused = 0
	p.finality.relay(o.GetRelayParent())
	p.next = o
	p.build()
}

// watch asks what becomes of blocks, again and again.
func (p *producer) watch() {
	subsystem.Watch(p.sub, &collatorv1.WatchCollations{Para: p.para}, silence, p.onStep,
		func(error) { p.sub.After(again, p.watch) })
}

func (p *producer) onStep(r *collatorv1.WatchCollationsResponse) {
	if o, ok := p.chain.(Observer); ok {
		o.Became(r.GetCandidate(), r.GetStatus())
	}
	if in := r.GetStatus().GetIncluded(); in != nil {
		p.finality.included(r.GetCandidate(), in)
	}
}

// build builds on the newest opportunity: the ones before are gone.
func (p *producer) build() {
	if p.building || p.next == nil {
		return
	}
	o := p.next
	p.next, p.building = nil, true
	on := Opportunity{
		RelayParent: o.GetRelayParent(), Number: o.GetValidationData().GetRelayParentNumber(),
		Head: o.GetValidationData().GetParentHead(), MaxPoV: int(o.GetValidationData().GetMaxPovSize()),
	}
	if r, ok := p.chain.(Recoverer); ok && !r.Knows(on.Head) {
		p.recover(r, on, func(err error) {
			if err != nil {
				p.built(on, nil, err)
				return
			}
			p.make(on)
		})
		return
	}
	p.make(on)
}

// make has the chain build.
func (p *producer) make(on Opportunity) {
	subsystem.Offload(p.sub, func() (*Block, error) { return p.chain.Build(on) },
		func(b *Block, err error) { p.built(on, b, err) })
}

// built hands in what was built, and goes on to what came meanwhile.
func (p *producer) built(on Opportunity, b *Block, err error) {
	p.building = false
	switch {
	case err != nil:
		p.sub.Log.Warn("no block of the parachain is built", "relay parent", on.Number, "err", err)
	case b != nil:
		p.put(on.RelayParent, b)
	}
	p.build()
}

// put hands a block in, its proof by reference.
func (p *producer) put(relayParent []byte, b *Block) {
	p.sub.Blobs().Put(b.PoV, povLease, func(ref *primitivesv1.BlobRef, err error) {
		if err != nil {
			p.notTaken(b, fault(err))
			return
		}
		p.submit(relayParent, b, ref)
	})
}

func (p *producer) submit(relayParent []byte, b *Block, pov *primitivesv1.BlobRef) {
	q := &collatorv1.SubmitCollation{
		RelayParent: relayParent, Para: p.para, Pov: &primitivesv1.PoV{BlockData: pov},
		Commitments: &primitivesv1.CandidateCommitments{HeadData: b.Head, UpwardMessages: b.Upward},
	}
	subsystem.Ask(p.sub, q, submitTimeout, func(r *collatorv1.SubmitCollationResponse, err error) {
		switch {
		case err != nil:
			p.notTaken(b, fault(err))
		case r.GetSubmitted() == nil:
			p.notTaken(b, r.GetRefused())
		default:
			if o, ok := p.chain.(Observer); ok {
				o.Submitted(r.GetSubmitted().GetCandidate(), b)
			}
		}
	})
}

func (p *producer) notTaken(b *Block, why *primitivesv1.CollationRefused) {
	p.sub.Log.Debug("a block of the parachain isn't taken", "why", why.GetReason(), "detail", why.GetDetail())
	if o, ok := p.chain.(RefusalObserver); ok {
		o.NotTaken(b, why)
	}
}

// fault is this node's own.
func fault(err error) *primitivesv1.CollationRefused {
	return &primitivesv1.CollationRefused{
		Reason: primitivesv1.CollationRefusal_COLLATION_REFUSAL_NODE_FAULT, Detail: err.Error()}
}
