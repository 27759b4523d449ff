// Package para is what a parachain's team writes its block producer with: a process of its own that attaches to a node
// of the relay chain, is told when and on what to build, hands in what it built, and hears what becomes of it.
//
// The team implements Chain. Spec makes a subsystem of it, with which the process is run (subsystem.Main), or `reeve
// para collate` runs it for the example. The node's collator does the rest: it signs, offers the block to validators,
// and follows it. The same rules as in Chain.Build stand in the parachain's validation code, which every validator runs
// (services/candidatevalidation/guest).
package para

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// Role is the name under which a block producer attaches to a node.
const Role = "block-producer"

// Chain is a parachain as its block producer runs it. Build may take its time and is called off the loop, one call at a
// time; the others are called in between.
type Chain interface {
	// Build makes a block on a head. Nil and no error: there is nothing to build. An error is logged, and the next
	// opportunity is tried.
	Build(on Opportunity) (*Block, error)
	// Submitted tells under which name a block is on its way.
	Submitted(candidate []byte, b *Block)
	// Became tells what has become of a block that was handed in: seconded, backed, included, or refused with the reason.
	Became(candidate []byte, status *primitivesv1.CollationStatus)
}

// Opportunity is what a block is built on.
type Opportunity struct {
	// RelayParent is the block of the relay chain, and Number its height.
	RelayParent []byte
	Number      uint64
	// Head is the parachain's head before the block.
	Head []byte
	// MaxPoV is how long the proof of validity may be, in bytes.
	MaxPoV int
}

// Block is what was built.
type Block struct {
	// PoV is the block with all that its validation needs: what validation code gets as its block data.
	PoV []byte
	// Head is the parachain's head after it.
	Head []byte
	// Upward are messages to the relay chain.
	Upward [][]byte
}

// Spec declares a block producer of the para.
func Spec(id uint32, chain Chain) subsystem.Spec {
	s := Declared()
	s.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		p := &producer{sub: sub, para: id, chain: chain}
		p.collate()
		p.watch()
		return p, nil
	}
	return s
}

// Declared is the role without a parachain: what a node admits.
func Declared() subsystem.Spec {
	return subsystem.Spec{
		Name:  Role,
		Class: subsystem.Pool,
		Asks: []proto.Message{
			&collatorv1.CollateOn{}, &collatorv1.SubmitCollation{}, &collatorv1.WatchCollations{},
		},
		New: func(*subsystem.Sub) (subsystem.Handler, error) { return &producer{}, nil },
	}
}

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
	sub   *subsystem.Sub
	para  uint32
	chain Chain

	building bool
	next     *collatorv1.Opportunity // the newest that came meanwhile
}

// Signal means nothing here: the collator says when to build.
func (p *producer) Signal(*overseerv1.Signal) {}

// Handle refuses: nobody sends to a block producer.
func (p *producer) Handle(m *subsystem.Message) { m.Unknown() }

// collate asks for opportunities, again and again.
func (p *producer) collate() {
	subsystem.Watch(p.sub, &collatorv1.CollateOn{Para: p.para}, silence, func(r *collatorv1.CollateOnResponse) {
		if r.GetOpportunity() == nil {
			p.sub.Log.Warn("there is nothing to collate on", "para", p.para, "why", r.GetRefusal())
			return
		}
		p.next = r.GetOpportunity()
		p.build()
	}, func(err error) {
		p.sub.Log.Debug("no opportunities come any more; they are asked for again", "err", err)
		p.sub.After(again, p.collate)
	})
}

// watch asks what becomes of blocks, again and again.
func (p *producer) watch() {
	subsystem.Watch(p.sub, &collatorv1.WatchCollations{Para: p.para}, silence,
		func(r *collatorv1.WatchCollationsResponse) { p.chain.Became(r.GetCandidate(), r.GetStatus()) },
		func(error) { p.sub.After(again, p.watch) })
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
	subsystem.Offload(p.sub, func() (*Block, error) { return p.chain.Build(on) }, func(b *Block, err error) {
		p.building = false
		switch {
		case err != nil:
			p.sub.Log.Warn("no block of the parachain is built", "relay parent", on.Number, "err", err)
		case b != nil:
			p.put(o.GetRelayParent(), b)
		}
		p.build()
	})
}

// put hands a block in, its proof by reference.
func (p *producer) put(relayParent []byte, b *Block) {
	p.sub.Blobs().Put(b.PoV, povLease, func(ref *primitivesv1.BlobRef, err error) {
		if err != nil {
			p.sub.Log.Warn("a proof of validity can't be put into the blob store", "err", err)
			return
		}
		q := &collatorv1.SubmitCollation{
			RelayParent: relayParent, Para: p.para, Pov: &primitivesv1.PoV{BlockData: ref},
			Commitments: &primitivesv1.CandidateCommitments{HeadData: b.Head, UpwardMessages: b.Upward},
		}
		subsystem.Ask(p.sub, q, submitTimeout, func(r *collatorv1.SubmitCollationResponse, err error) {
			if err != nil || r.GetRefused() != nil {
				p.sub.Log.Info("a block of the parachain isn't taken", "err", err, "why", r.GetRefused().GetReason(),
					"detail", r.GetRefused().GetDetail())
				return
			}
			p.chain.Submitted(r.GetSubmitted().GetCandidate(), b)
		})
	})
}
