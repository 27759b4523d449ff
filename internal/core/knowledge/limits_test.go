package knowledge

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/core/view"
)

// everything is each statement that some validators can sign about so many candidates, Seconded first, and everybody
// begins with other candidates.
func everything(of, candidates int) (list []statements.Signed) {
	for _, v := range []signbytes.Verdict{seconded, valid, invalid} {
		for c := range candidates {
			for validator := range uint32(of) {
				id := (c + maxSeconded*int(validator)) % candidates
				s := says(validator, v, byte(id))
				s.Candidate[1] = byte(id >> 8)
				list = append(list, s)
			}
		}
	}
	return list
}

func TestAFloodAboutOneCandidateIsCutAtTwiceTheValidators(t *testing.T) {
	d := node(peerA)
	taken, floods := 0, 0
	for _, s := range everything(validators, 1) {
		switch out := d.Receive(peerA, rp, s, right); out.Conduct {
		case First:
			taken++
		case Flood:
			floods++
		default:
			t.Errorf("%+v: %+v", s, out)
		}
	}
	if taken != perCandidate*validators || floods != validators {
		t.Errorf("%d were taken, %d refused", taken, floods)
	}
	want(t, Flood.Value, int32(-1000))
	// This node wouldn't send more, either.
	d = node()
	for _, s := range everything(validators, 1) {
		d.Share(rp, s)
	}
	d.Connected(peerA)
	if sends := d.PeerView(peerA, view.View{rp}); len(sends[0].Statements) != perCandidate*validators {
		t.Errorf("%d are sent", len(sends[0].Statements))
	}
}

// A peer with all validators' keys sends whatever it can, about more relay parents than there are in a view.
func TestWhatOnePeerMakesThisNodeKeepIsBounded(t *testing.T) {
	d := New(1)
	d.Connected(peerA)
	var v view.View
	for i := range byte(2 * view.MaxHeads) {
		v = append(v, primitives.Hash{'r', i})
		d.Activate(v[i], validators)
	}
	d.OurView(v)
	d.PeerView(peerA, v)
	for _, at := range v {
		for _, s := range everything(validators, 300) {
			others := s
			others.Candidate[2] = 1 // what it is sent counts as well
			d.Share(at, others)
			d.Share(at, again(others))
		}
		for _, s := range everything(validators, 300) {
			d.Receive(peerA, at, s, right)
			d.Receive(peerA, at, again(s), right)
		}
	}
	most, ofValidator := MostKept(validators)
	got := d.OfPeer(peerA)
	if got.RelayParents != most.RelayParents || got.Candidates != most.Candidates || got.Statements > most.Statements {
		t.Errorf("%+v is kept, at most %+v", got, most)
	}
	for _, at := range v[:view.MaxHeads] {
		for validator := range uint32(validators) {
			c := d.OfValidator(at, validator)
			if c.Candidates != ofValidator.Candidates || c.Statements > ofValidator.Statements {
				t.Errorf("%+v of validator %d is kept, at most %+v", c, validator, ofValidator)
			}
		}
	}
}

func TestOfOneValidatorFewStatementsAreTakenWhoeverSendsThem(t *testing.T) {
	const many = 100
	d := New(1)
	d.Activate(rp, many)
	d.OurView(view.View{rp})
	for _, p := range []primitives.NodeID{peerA, peerB} {
		d.Connected(p)
		d.PeerView(p, view.View{rp})
	}
	for v := range uint32(many - 1) { // each candidate has somebody else who seconds it
		d.Receive(peerA, rp, says(v, seconded, byte(v)), right)
	}
	for i := range byte(many - 1) {
		out := d.Receive(peerA, rp, says(many-1, invalid, i), right)
		if want := i >= maxWords; (out.Conduct == Flood) != want {
			t.Fatalf("statement %d of one validator: %+v", i+1, out)
		}
	}
	// From another peer the same is no fault, since it may have taken others first; but it is of no use.
	want(t, d.Receive(peerB, rp, says(many-1, invalid, many-2), right), Received{})
	want(t, d.OfValidator(rp, many-1).Statements, maxWords)
	want(t, d.OfValidator(other, 0), Counts{})
}
