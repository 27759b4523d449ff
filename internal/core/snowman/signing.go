package snowman

import (
	"github.com/reevenet/reeve/internal/core/finality"
)

// How this node comes to its votes: what has to be durable before one is asked for, and what it has voted before.

// ownVotes are what this node has voted at the last height at which it voted at all.
type ownVotes struct {
	height uint64 // 0: it has never voted
	votes  []finality.Signed
}

// at are those of a height.
func (o *ownVotes) at(height uint64) []finality.Signed {
	if o.height != height {
		return nil
	}
	return o.votes
}

// add is for a vote that is durable. The keystore gives none below the last.
func (o *ownVotes) add(height uint64, v finality.Signed) {
	if o.height != height {
		o.height, o.votes = height, nil
	}
	o.votes = append(o.votes, v)
}

// compare looks for this node's vote in a certificate. One that is above all that its keystore knows was signed from
// another record: this one was put back, or somebody else has the key. Either way a vote or a proposal could be the
// second one in its place, so the node gives none any more. It follows the others as it did.
func (f *certifying) compare(height uint64, p *finality.Proof) {
	if _, signed := p.Find(f.roster.own); signed && height > f.own.height {
		f.roster.forgotten = height
	}
}

// release asks for the votes that are wanted, in their order, as far as what they presuppose is durable. One whose
// block was given up meanwhile is past.
func (f *certifying) release() {
	if f.instance == nil || f.accepted.stable.Height+1 != f.height || f.roster.forgotten > 0 {
		return
	}
	_, locked, _ := f.instance.Round()
	for _, r := range f.held {
		f.keeping.want(r.Vote.Block, locked)
	}
	for len(f.held) > 0 {
		v := f.held[0].Vote
		if p := f.held[0].Proof; p != nil {
			f.held[0].Proof = nil
			f.keeping.prove(v.Block, p.Encode(f.height))
		}
		binds := v.Phase == finality.Commit && v.Block != finality.None
		durable, wanted := f.keeping.durable(v.Block)
		if binds && !durable && wanted {
			return
		}
		f.held = f.held[1:]
		if durable || !binds {
			f.emit(SignVote{Height: f.height, Vote: v})
		}
	}
}

// onKept: so much of what was to be kept is durable.
func (f *certifying) onKept(number uint64) {
	f.keeping.done = number
	f.release()
}

// onRestored takes a block that this node has kept in an earlier life, and why it was locked on it.
func (f *certifying) onRestored(in Restored) {
	b := in.Block
	if b.Height != f.accepted.root.Height+1 {
		return // it is decided, that one or another
	}
	f.keeping.at(b.Height)
	f.keeping.stays[b.ID()] = 0
	f.issuing.receive(b, f.roster.self, true)
	if len(in.Proof) > 0 {
		f.restored = in.Proof
		f.recall()
	}
}

// recall shows the instance what was kept with a block.
func (f *certifying) recall() {
	if f.instance == nil || f.restored == nil {
		return
	}
	height, p, err := finality.DecodeProof(f.restored)
	f.restored = nil
	if err == nil && height == f.height && f.proves(height, p) {
		f.step(finality.Shown{Proof: p})
	}
}

// onSigned is the keystore's answer: the vote is durable.
func (f *certifying) onSigned(in VoteSigned) {
	if f.instance != nil && in.Height == f.height {
		f.own.add(in.Height, in.Vote)
		f.saw(in.Height, in.Vote)
		f.step(finality.Recorded{Vote: in.Vote})
	}
}
