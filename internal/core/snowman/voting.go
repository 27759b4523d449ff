package snowman

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// What others' votes, proofs and certificates do here. A signature is checked before anything is believed; what says
// nothing new isn't checked at all.

// helpEvery bounds how often a peer is helped: it asks again after a timer.
const helpEvery = 50 * time.Millisecond

// onVotes counts votes, whoever brings them.
func (f *certifying) onVotes(in Votes) {
	if f.issuing.mutes.muted(in.Node) {
		return
	}
	if len(in.Votes) > f.mostVotes() {
		f.emit(Report{Node: in.Node, Cost: costUndecodable, Reason: "more votes than there can be"})
		return
	}
	f.from = in.Node
	for _, v := range in.Votes {
		if !f.onVote(in.Node, in.Height, v) {
			f.issuing.blame(in.Node, costForged, "a vote with a wrong signature")
			return
		}
	}
}

// mostVotes is how many votes one message holds: both of a round by everybody, and as many again.
func (f *certifying) mostVotes() int { return 4 * f.set.Len() }

// onVote takes one vote. False: it is forged.
func (f *certifying) onVote(from primitives.NodeID, height uint64, v finality.Signed) bool {
	if v.Validator < 0 || v.Validator >= f.set.Len() {
		return false
	}
	current := f.instance != nil && height == f.height
	ahead := height > f.accepted.root.Height && !current // while catching up also of the next height: it ends soon
	switch {
	case !current && !ahead:
		return f.late(from, height, v)
	case current && !f.instance.Wants(v.Vote), ahead && f.early.has(height, v.Vote):
		return true // nothing new
	case !(current && f.instance.Counts(v.Round)) && !f.ahead.allows(v.Validator, f.now):
		return true // enough was heard of where it is
	case !f.genuine(height, v):
		return false
	case current:
		f.saw(height, v)
		f.step(finality.Received{Vote: v})
	case height <= f.accepted.root.Height+1+earlyHeights:
		f.saw(height, v)
		f.early.add(height, v)
	}
	f.roster.past(v.Validator, height-1)
	return true
}

// onGetVotes helps a peer whose round doesn't end: with what is known of it, or with what was decided meanwhile.
func (f *certifying) onGetVotes(in GetVotes) {
	p := f.roster.peers[in.Node]
	if p == nil || f.now.Sub(p.helped) < helpEvery && !f.gainsOn(p, in.Height) {
		return
	}
	switch {
	case in.Height <= f.accepted.stable.Height:
		f.emit(SendCertified{Node: in.Node, Height: in.Height})
	case f.instance != nil && in.Height == f.height:
		to := []primitives.NodeID{in.Node}
		if votes := f.instance.Votes(in.Round); len(votes) > 0 {
			f.emit(SendVotes{Nodes: to, Height: f.height, Votes: votes})
		}
		if valid := f.instance.Valid(); valid != nil {
			f.emit(SendProof{Nodes: to, Proof: valid.Encode(f.height)})
		}
	default:
		return
	}
	p.helped, p.helpedAt = f.now, in.Height
}

// gainsOn tells whether a peer asks for the next of the last few heights, which it does once for each: it needn't wait.
func (f *certifying) gainsOn(p *peer, height uint64) bool {
	return height > p.helpedAt && height+farBehind > f.accepted.root.Height
}

// onProof takes a quorum as a whole.
func (f *certifying) onProof(in Proof) {
	height, p, err := finality.DecodeProof(in.Proof)
	switch {
	case err != nil:
		f.emit(Report{Node: in.Node, Cost: costUndecodable, Reason: err.Error()})
	case f.instance == nil || height != f.height || f.instance.Knows(p) || f.issuing.mutes.muted(in.Node):
	case !f.proves(height, p):
		f.issuing.blame(in.Node, costForged, "a proof that doesn't hold")
	default:
		f.from = in.Node
		f.step(finality.Shown{Proof: p})
	}
}

func (f *certifying) proves(height uint64, p *finality.Proof) bool {
	return p.Check(f.set, func(v finality.Signed) bool { return f.genuine(height, v) }) == nil
}

// certifies checks that the bytes are the certificate of the block. why is empty when they are.
func (f *certifying) certifies(certificate []byte, b *block.Block) (p *finality.Proof, why string) {
	height, p, err := finality.DecodeProof(certificate)
	switch {
	case err != nil:
		return nil, err.Error()
	case p.Phase != finality.Commit || height != b.Height || p.Block != b.ID():
		return nil, "a certificate of something else"
	case !f.proves(height, p):
		return nil, "a certificate that doesn't hold"
	}
	return p, ""
}

// onCertified takes a block that somebody says is decided, with the certificate.
func (f *certifying) onCertified(from primitives.NodeID, b *block.Block, certificate []byte) {
	decided, known := f.accepted.at(b.Height)
	next := f.instance != nil && b.Height == f.height && f.certificate == nil
	if !next && (!known || decided == b.ID()) || f.issuing.mutes.muted(from) {
		return
	}
	p, why := f.certifies(certificate, b)
	switch {
	case why != "":
		f.issuing.blame(from, costForged, why)
	case known:
		f.forked(b, p)
	default:
		f.from = from
		f.step(finality.Shown{Proof: p})
		f.arrived(b)
	}
}

func (f *certifying) halt(format string, args ...any) {
	f.emit(Halt{What: fmt.Sprintf(format, args...)})
}
