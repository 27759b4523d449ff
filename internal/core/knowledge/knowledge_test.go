package knowledge

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/core/view"
)

const (
	seconded = signbytes.Seconded
	valid    = signbytes.Valid
	invalid  = signbytes.Invalid

	validators         = 4
	alice, bob, claire = 0, 1, 2
)

// The peers, who are no validators of that name, and the relay parents.
var (
	peerA, peerB, peerC = primitives.NodeID{1}, primitives.NodeID{2}, primitives.NodeID{3}
	rp, other           = primitives.Hash{'r'}, primitives.Hash{'o'}
)

// says is a statement of a validator about a candidate.
func says(validator uint32, v signbytes.Verdict, candidate byte) statements.Signed {
	return statements.Signed{
		Verdict: v, Candidate: primitives.Hash{candidate}, Validator: validator, Signature: [64]byte{1},
	}
}

// again is the same with another signature.
func again(s statements.Signed) statements.Signed {
	s.Signature[0]++
	return s
}

func right(statements.Signed) bool { return true }

// node is one with rp in view and active, and with peers that have it in view.
func node(peers ...primitives.NodeID) *Distribution {
	d := New(1)
	d.Activate(rp, validators)
	d.OurView(view.View{rp})
	for _, p := range peers {
		d.Connected(p)
		d.PeerView(p, view.View{rp})
	}
	return d
}

// compare tells where the two differ; nothing and an empty list don't.
func compare(want, got any) string {
	if reflect.DeepEqual(want, got) { // much faster, and nearly always true
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if diff := compare(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func to(p primitives.NodeID, list ...statements.Signed) Send { return Send{p, rp, list} }

// S1.
func TestARelayParentTakesTwoCandidatesOfAValidator(t *testing.T) {
	h := newHead(validators)
	for _, c := range []struct {
		s    statements.Signed
		note Note
	}{
		{says(alice, seconded, 1), Fresh},
		{says(alice, seconded, 2), Fresh},
		{says(alice, seconded, 3), NotUseful},
		{says(alice, seconded, 1), Known},
		{says(bob, seconded, 3), Fresh},
		{says(alice, seconded, 3), NotUseful},
	} {
		if note := h.note(c.s); note != c.note {
			t.Errorf("%+v: note %d, want %d", c.s, note, c.note)
		}
	}
}

// S2.
func TestWhatDependsOnACandidateIsNothingBeforeItIsSeconded(t *testing.T) {
	d := node(peerA)
	for _, v := range []signbytes.Verdict{valid, invalid} {
		s := says(bob, v, 1)
		want(t, newHead(validators).note(s), NotUseful)
		want(t, d.Receive(peerA, rp, s, right), Received{Conduct: UnknownCandidate})
	}
	want(t, UnknownCandidate.Value, int32(-100))
	want(t, d.OfPeer(peerA), Counts{RelayParents: 1})
}

// S3.
func TestAPeerIsToldOnceAndOfACandidateFirst(t *testing.T) {
	k := newSharing()
	for i, c := range []struct {
		s        statements.Signed
		news, ok bool
	}{
		{says(bob, valid, 1), false, false},
		{says(alice, seconded, 1), true, true},
		{says(alice, seconded, 1), false, false},
		{says(bob, valid, 1), false, true},
		{says(bob, valid, 2), false, false},
		{says(claire, seconded, 1), false, true},
	} {
		if news, ok := k.send(c.s, validators); news != c.news || ok != c.ok {
			t.Errorf("step %d: %v, %v", i, news, ok)
		}
	}
}

// S4.
func TestWhatAPeerHasSentIsNotSentToIt(t *testing.T) {
	k := newSharing()
	s := says(alice, seconded, 1)
	want(t, second(k.receive(s, validators)), Conduct{})
	if _, ok := k.send(s, validators); ok {
		t.Error("it goes back")
	}
	if news, ok := k.send(says(bob, valid, 1), validators); !ok || news {
		t.Error("the peer knows the candidate")
	}
}

func second[A, B any](_ A, b B) B { return b }

// S5. What was sent to the peer is no duplicate of what comes from it: both were under way.
func TestWhatAPeerSendsTwiceIsADuplicate(t *testing.T) {
	d := node(peerA)
	s := says(alice, seconded, 1)
	d.Share(rp, s)
	want(t, d.Receive(peerA, rp, s, right), Received{Conduct: Valid, Note: Known})
	want(t, d.Receive(peerA, rp, s, right), Received{Conduct: Duplicate})
	want(t, d.Receive(peerA, rp, again(s), right), Received{Conduct: Duplicate})
	want(t, Duplicate.Value, int32(-250))
}

// S8.
func TestAStatementForARelayParentOutOfOurViewIsUnexpectedAndGoesNowhere(t *testing.T) {
	d := node(peerA, peerB)
	d.Activate(other, validators)
	d.PeerView(peerA, view.View{rp, other})
	never := func(statements.Signed) bool { t.Error("it was verified"); return true }
	want(t, d.Receive(peerA, other, says(alice, seconded, 1), never), Received{Conduct: OutOfView})
	want(t, OutOfView.Value, int32(-100))
}

// The peer that this is read from charged honest peers at each new block.
func TestWhatWasUnderWayWhenARelayParentLeftOurViewCostsNothing(t *testing.T) {
	d := node(peerA)
	d.OurView(view.View{other})
	want(t, d.Receive(peerA, rp, says(alice, seconded, 1), right), Received{})
	for range pastHeads { // however often another one comes and goes
		d.OurView(view.View{})
		d.OurView(view.View{other})
	}
	want(t, d.Receive(peerA, rp, says(alice, seconded, 1), right), Received{})
	for i := range pastHeads {
		d.OurView(view.View{{byte(i)}})
	}
	want(t, d.Receive(peerA, rp, says(alice, seconded, 1), right), Received{Conduct: OutOfView})
	if len(d.past) != pastHeads {
		t.Errorf("%d relay parents are remembered", len(d.past))
	}
}

// S9.
func TestABadSignatureAndAnIndexPastTheLastValidatorCostTheSame(t *testing.T) {
	d := node(peerA, peerB)
	wrong := func(statements.Signed) bool { return false }
	want(t, d.Receive(peerA, rp, says(alice, seconded, 1), wrong), Received{Conduct: BadSignature})
	want(t, d.Receive(peerA, rp, says(validators, seconded, 1), right), Received{Conduct: BadSignature})
	want(t, d.Receive(peerA, rp, says(alice, 0, 1), right), Received{Conduct: BadSignature})
	want(t, d.Receive(peerA, rp, says(alice, 4, 1), right), Received{Conduct: BadSignature})
	want(t, BadSignature.Value, int32(-500))
	want(t, d.OfValidator(rp, alice), Counts{RelayParents: 1})
}

// S10.
func TestAPeerThatNewlySharesAViewGetsWhatWeHoldSecondedFirstAndAgainWhenItComesBack(t *testing.T) {
	d := node()
	d.Connected(peerA)
	one, two, three := says(alice, seconded, 1), says(bob, valid, 1), says(claire, valid, 1)
	late := says(bob, seconded, 2)
	for _, s := range []statements.Signed{one, two, three, late} {
		d.Share(rp, s)
	}
	all := []Send{to(peerA, one, late, two, three)}
	want(t, d.PeerView(peerA, view.View{rp}), all)
	want(t, d.PeerView(peerA, view.View{rp, other}), []Send{})
	want(t, d.PeerView(peerA, view.View{}), []Send{})
	want(t, d.OfPeer(peerA), Counts{})
	want(t, d.PeerView(peerA, view.View{rp}), all)

	// The same when it is this node's view that changes: the peer forgets, too.
	want(t, d.OurView(view.View{other}), []Send{})
	want(t, d.OfPeer(peerA), Counts{})
	want(t, d.OurView(view.View{rp, other}), all)
}

// S12.
func TestAFreshStatementGoesToOthersAndNotBackAndWhoBringsItLaterEarnsLess(t *testing.T) {
	d := node(peerA, peerC)
	d.Connected(peerB)
	s := says(alice, seconded, 1)
	want(t, d.Receive(peerA, rp, s, right), Received{Conduct: First, Note: Fresh, Sends: []Send{to(peerC, s)}})
	d.PeerView(peerB, view.View{rp})
	want(t, d.Receive(peerB, rp, s, right), Received{Conduct: Valid, Note: Known})
	want(t, []int32{First.Value, Valid.Value}, []int32{25, 5})
}

// S13.
func TestAStatementForARelayParentOutOfThePeersOwnViewIsUnexpected(t *testing.T) {
	d := node(peerA)
	d.Connected(peerB)
	d.PeerView(peerB, view.View{other})
	want(t, d.Receive(peerB, rp, says(alice, seconded, 1), right), Received{Conduct: OutOfItsView})
	want(t, OutOfItsView.Value, int32(-100))
}

// A peer's bridge tells its new view before what its subsystem says meanwhile about the one before.
func TestAStatementThatThePeersNewViewHasOvertakenCostsNothing(t *testing.T) {
	d := node(peerA)
	d.PeerView(peerA, view.View{other})
	want(t, d.Receive(peerA, rp, says(alice, seconded, 1), right), Received{})
	forged := func(statements.Signed) bool { return false }
	want(t, d.Receive(peerA, rp, says(alice, seconded, 1), forged), Received{Conduct: BadSignature})
	for n := range byte(pastHeads - 1) {
		d.PeerView(peerA, view.View{{'x', n}})
	}
	want(t, d.Receive(peerA, rp, says(alice, seconded, 1), right), Received{})
	d.PeerView(peerA, view.View{})
	want(t, d.Receive(peerA, rp, says(alice, seconded, 1), right), Received{Conduct: OutOfItsView})
}

func TestAThirdCandidateOfAValidatorFromOnePeerIsUnexpected(t *testing.T) {
	d := node(peerA, peerB)
	d.Receive(peerA, rp, says(alice, seconded, 1), right)
	d.Receive(peerA, rp, says(alice, seconded, 2), right)
	want(t, d.Receive(peerA, rp, says(alice, seconded, 3), right), Received{Conduct: ThirdCandidate})
	// Another peer may have heard of others first. That is no fault of it, and of no use, nor is what depends on them.
	want(t, d.Receive(peerB, rp, says(alice, seconded, 3), right), Received{})
	want(t, d.Receive(peerB, rp, says(bob, valid, 3), right), Received{})
	want(t, ThirdCandidate.Value, int32(-100))
}

// Of two signatures the second is as new as the first, since both together prove something. A third isn't.
func TestASecondSignatureOfAStatementIsFreshAndAThirdIsOfNoUse(t *testing.T) {
	d := node(peerA, peerB, peerC)
	s := says(alice, seconded, 1)
	d.Receive(peerA, rp, s, right)
	want(t, d.Receive(peerB, rp, again(s), right), Received{Conduct: First, Note: Fresh})
	want(t, d.Receive(peerC, rp, again(again(s)), right), Received{})
	want(t, d.OfValidator(rp, alice), Counts{1, 1, 2})
}

// The peer has shown that it knows the candidate, so it gets what depends on it before anything else goes out.
func TestAPeerThatShowsThatItKnowsACandidateIsSentWhatDependsOnIt(t *testing.T) {
	d := node(peerA)
	// This node works on the relay parent again, and peers don't know that it hadn't for a while.
	d.Share(rp, says(alice, seconded, 1))
	d.Share(rp, says(alice, seconded, 2))
	d.Deactivate(rp)
	d.Activate(rp, validators)
	_, sends := d.Share(rp, says(alice, seconded, 3))
	want(t, sends, []Send{})
	vote := says(bob, valid, 3)
	_, sends = d.Share(rp, vote)
	want(t, sends, []Send{})

	s := says(claire, seconded, 3)
	d.Connected(peerB)
	want(t, len(d.PeerView(peerB, view.View{rp})), 1)
	want(t, d.Receive(peerA, rp, s, right), Received{
		Conduct: First, Note: Fresh, Sends: []Send{to(peerA, vote), to(peerB, s)},
	})
	own := says(3, seconded, 4)
	_, sends = d.Share(rp, own)
	want(t, sends, []Send{to(peerA, own), to(peerB, own)})
}

// The same, when it is this node that tells of the candidate.
func TestWhoLearnsOfACandidateByAStatementIsSentWhatDependsOnIt(t *testing.T) {
	d := node(peerA)
	d.Share(rp, says(alice, seconded, 1))
	d.Share(rp, says(alice, seconded, 2))
	d.Deactivate(rp)
	d.Activate(rp, validators)
	d.Share(rp, says(alice, seconded, 3))
	vote, s := says(bob, valid, 3), says(claire, seconded, 3)
	d.Share(rp, vote)
	_, sends := d.Share(rp, s)
	want(t, sends, []Send{to(peerA, s, vote)})
}

func TestAStatementThatComesBeforeTheRelayParentIsActiveIsEarlyAndCanBeGivenAgain(t *testing.T) {
	d := New(1)
	d.Connected(peerA)
	d.OurView(view.View{rp, other})
	one, two := says(alice, seconded, 1), says(bob, valid, 1)
	want(t, d.Receive(peerA, rp, one, right), Received{}) // and it isn't asked whether the peer may
	want(t, d.Shares(peerA, rp), false)
	d.PeerView(peerA, view.View{rp})
	want(t, d.Shares(peerA, rp), true)
	want(t, d.Receive(peerA, rp, one, right), Received{Note: Early})
	d.Activate(rp, validators)
	want(t, d.Receive(peerA, rp, two, right), Received{}) // its candidate was early
	want(t, d.Receive(peerA, rp, one, right), Received{Conduct: First, Note: Fresh})
	want(t, d.Receive(peerA, rp, two, right), Received{Conduct: First, Note: Fresh})
	want(t, d.Receive(peerA, rp, two, right), Received{Conduct: Duplicate})
}

func TestWhatIsSharedForARelayParentThatIsNotActiveOrBreaksTheRulesIsDropped(t *testing.T) {
	d := node(peerA)
	for _, c := range []struct {
		rp primitives.Hash
		s  statements.Signed
	}{{other, says(alice, seconded, 1)}, {rp, says(alice, valid, 1)}, {rp, says(validators, seconded, 1)}} {
		if note, sends := d.Share(c.rp, c.s); note != NotUseful || sends != nil {
			t.Errorf("%+v: %d, %v", c.s, note, sends)
		}
	}
	d.Share(rp, says(alice, seconded, 1))
	if note, sends := d.Share(rp, says(alice, seconded, 1)); note != Known || sends != nil {
		t.Errorf("shared again: %d, %v", note, sends)
	}
}

func TestWhoIsNotConnectedSaysAndIsToldNothing(t *testing.T) {
	d := node(peerA)
	d.Share(rp, says(alice, seconded, 1))
	want(t, d.PeerView(peerB, view.View{rp}), []Send{})
	want(t, d.Receive(peerB, rp, says(bob, seconded, 2), right), Received{})
	want(t, d.OfPeer(peerB), Counts{})
	d.Connected(peerA) // again: nothing is forgotten
	want(t, d.OfPeer(peerA), Counts{1, 1, 1})
	d.Disconnected(peerA)
	d.Disconnected(peerA)
	want(t, d.OfPeer(peerA), Counts{})
	_, sends := d.Share(rp, says(bob, seconded, 2))
	want(t, sends, []Send{})
	d.Connected(peerA)
	want(t, len(d.PeerView(peerA, view.View{rp})), 1)
}
