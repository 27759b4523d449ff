package povdistribution

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

const (
	benefit = "25 a proof of validity"
	timeout = nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_TIMED_OUT
	away    = nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_DISCONNECTED

	inactive     = pdv1.FetchPoVResponse_MISSING_RELAY_PARENT_INACTIVE
	nobodySentIt = pdv1.FetchPoVResponse_MISSING_NOBODY_SENT_IT
	nobodyToAsk  = pdv1.FetchPoVResponse_MISSING_NOBODY_TO_ASK
	tooManyOpen  = pdv1.FetchPoVResponse_MISSING_TOO_MANY_FETCHES
)

// P1: the right proof is a benefit, and is known from then on (T10).
func TestAProofIsAskedOfTheSeconderAndIsKnownThen(t *testing.T) {
	f := start(t)
	pov := proof(1, 100)
	one := f.fetch(pov, 2, 1)
	another := f.fetch(pov, 3)
	q := f.asked(2, 0)
	f.ExpectNothing()
	sends(q, pov, 0)
	f.expect("report 2: " + benefit)
	f.got(one, pov)
	f.got(another, pov)
	f.got(f.fetch(pov, 0), pov)
	f.ExpectNothing()
	f.ask(0, rp, pov, 0, 100)
	f.expect("to 0: 100 of 100 bytes")
}

// P1: a proof with another hash costs, and B13: the next backer is asked.
func TestAnotherProofCostsAndTheNextBackerIsAsked(t *testing.T) {
	f := start(t)
	pov := proof(1, 100)
	a := f.fetch(pov, 1, 2)
	sends(f.asked(1, 0), proof(2, 100), 0)
	overseertest.Expect[*nbv1.ReportPeer](f.Overseer)
	sends(f.asked(2, 0), pov, 0)
	f.expect("report 2: " + benefit)
	f.got(a, pov)
}

// P1: what isn't a part of any proof costs.
func TestAPartThatIsNoneCosts(t *testing.T) {
	const cost = "report 1: -500 a part of a proof that is none"
	for name, part := range map[string]*pdv1.Part{
		"too long":  {Size: 10, Bytes: make([]byte, 11)},
		"too short": {Size: pdv1.MaxPart + 1, Bytes: make([]byte, 10)},
		"endless":   {Size: 1 << 40, Bytes: make([]byte, pdv1.MaxPart)},
	} {
		f := start(t)
		a := f.fetch(proof(1, 100), 1)
		answers(f.asked(1, 0), part)
		t.Log(name)
		f.expect(cost)
		f.missing(a, nobodySentIt)
	}
	f := start(t)
	a := f.fetch(proof(1, 100), 1)
	f.asked(1, 0).Reply(&nbv1.SendRequestResponse{
		Outcome: &nbv1.SendRequestResponse_Payload{Payload: []byte("nonsense")}})
	f.expect(cost)
	f.missing(a, nobodySentIt)
}

// A backer that is slow, or has gone, costs itself nothing, and the next one is asked.
func TestSilenceCostsNothingAndTheNextBackerIsAsked(t *testing.T) {
	f := start(t)
	f.disconnect(3)
	pov := proof(1, 100)
	a := f.fetch(pov, 3, 77, 1, 2, 0)
	fails(f.asked(1, 0), timeout)
	f.asked(2, 0)
	f.disconnect(2)
	f.asked(0, 0).Fail(subsystem.Unavailable, "the bridge is restarted")
	f.expect()
	f.missing(a, nobodySentIt)
	again := f.fetch(pov, 1)
	sends(f.asked(1, 0), pov, 0)
	f.got(again, pov)
}

// A backer has a second for each part, from the last one on; what it says later isn't looked at.
func TestABackerHasASecondForEachPart(t *testing.T) {
	const part = pdv1.MaxPart
	f := start(t)
	pov := proof(1, 3*part)
	a := f.fetch(pov, 1, 2, 3)
	late := f.asked(1, 0)
	f.Advance(partTimeout)
	slow := f.asked(2, 0)
	sends(late, proof(2, 3*part), 0)
	f.Advance(partTimeout * 9 / 10)
	sends(slow, pov, 0)
	second, third := f.asked(2, part), f.asked(2, 2*part)
	f.Advance(partTimeout * 9 / 10)
	sends(second, pov, part)
	f.ExpectNothing()
	f.Advance(partTimeout)
	first := f.asked(3, 0)
	sends(third, pov, 2*part)
	f.ExpectNothing()
	sends(first, pov, 0)
	for _, q := range []int{part, 2 * part} {
		sends(f.asked(3, q), pov, q)
	}
	f.got(a, pov)
	f.expect("report 3: " + benefit)
	f.Advance(time.Minute)
	f.expect()
}

func TestWithoutABackerThereIsNobodyToAsk(t *testing.T) {
	f := start(t)
	f.disconnect(1)
	f.missing(f.fetch(proof(1, 1), 1, 1<<31), nobodyToAsk)
	f.missing(f.fetch(proof(2, 1)), nobodyToAsk)
}

// A proof that is longer than a frame comes in parts, in any order, and is checked as a whole.
func TestALongProofComesInParts(t *testing.T) {
	const part = pdv1.MaxPart
	f := start(t)
	pov := proof(1, 2*part+part/2)
	a := f.fetch(pov, 1, 2)
	sends(f.asked(1, 0), pov, 0)
	second, third := f.asked(1, part), f.asked(1, 2*part)
	sends(third, pov, 2*part)
	f.ExpectNothing()
	sends(second, pov, part)
	f.expect("report 1: " + benefit)
	f.got(a, pov)
	for offset := 0; offset < len(pov); offset += part {
		f.ask(3, rp, pov, offset, part)
	}
	f.expect("to 3: 1048576 of 2621440 bytes", "to 3: 1048576 of 2621440 bytes", "to 3: 524288 of 2621440 bytes")
}

// One wrong byte in any part spoils the whole, and a backer that changes its mind about the length is done with.
func TestALongProofWithAWrongPartCosts(t *testing.T) {
	const part = pdv1.MaxPart
	pov := proof(1, 2*part)
	f := start(t)
	a := f.fetch(pov, 1, 2)
	sends(f.asked(1, 0), pov, 0)
	sends(f.asked(1, part), append(pov[:part:part], proof(2, part)...), part)
	overseertest.Expect[*nbv1.ReportPeer](f.Overseer)
	sends(f.asked(2, 0), pov, 0)
	sends(f.asked(2, part), pov[:2*part-1], part)
	f.expect("report 2: -500 a part of a proof that is none")
	f.missing(a, nobodySentIt)
}

func TestAnEmptyProofIsAProof(t *testing.T) {
	f := start(t)
	a := f.fetch(nil, 1)
	sends(f.asked(1, 0), nil, 0)
	f.expect("report 1: " + benefit)
	f.got(a, nil)
	f.ask(1, rp, nil, 0, 1)
	f.expect("to 1: 0 of 0 bytes")
}

func TestNothingIsFetchedForWhatIsNoLeaf(t *testing.T) {
	f := start(t)
	f.missing(f.Ask("candidate-backing", &pdv1.FetchPoV{RelayParent: other[:], Descriptor_: descriptor(nil)}), inactive)
	a := f.fetch(proof(1, 1), 1)
	q := f.asked(1, 0)
	f.StopWork(rp[:])
	f.missing(a, inactive)
	sends(q, proof(1, 1), 0)
	f.expect()
	bad := f.Ask("candidate-backing", &pdv1.FetchPoV{RelayParent: rp[:]})
	if subsystem.CodeOf(bad.Err) != subsystem.Refused {
		t.Error(bad.Err)
	}
}

// Nobody is asked before our peers can know that we work on the relay parent.
func TestAFetchWaitsForOurView(t *testing.T) {
	f := bare(t)
	f.connect(1)
	f.StartWork(rp[:], nil, 1)
	f.Sent()
	f.StopWork(rp[:])
	f.begin(rp)
	f.fetch(proof(1, 1), 1)
	f.ExpectNothing()
	f.ours(rp)
	f.asked(1, 0)
}

func TestAFetchEndsWithItsLastAsker(t *testing.T) {
	f := start(t)
	one, another := f.fetch(proof(1, 1), 1, 2), f.fetch(proof(1, 1))
	q := f.asked(1, 0)
	one.Cancel()
	if f.Number("fetching") != 1 {
		t.Error("it was given up though somebody waits")
	}
	another.Cancel()
	fails(q, timeout)
	f.ExpectNothing()
	if f.Number("fetching") != 0 {
		t.Error("it goes on though nobody waits")
	}
}

// Our own proof answers those who wait for it.
func TestOwnProofsAnswerWhoWaits(t *testing.T) {
	f := start(t)
	pov := proof(1, 10)
	a := f.fetch(pov, 1)
	q := f.asked(1, 0)
	f.distribute(rp, pov)
	f.got(a, pov)
	sends(q, proof(2, 10), 0) // it isn't looked at any more
	f.expect()
}

// A blob stays as long as a relay parent that has it is a leaf, and no longer.
func TestAProofIsHeldAsLongAsTheRelayParentIsALeaf(t *testing.T) {
	f := start(t)
	f.begin(other)
	pov, theirs := proof(1, 10), proof(2, 10)
	f.distribute(rp, pov)
	f.distribute(other, pov)
	a := f.fetch(theirs, 1)
	sends(f.asked(1, 0), theirs, 0)
	refs := []*primitivesv1.BlobRef{}
	for _, a := range []*overseertest.Answer{f.fetch(pov), a} {
		refs = append(refs, overseertest.Must[*pdv1.FetchPoVResponse](t, a).GetPov().GetBlockData())
	}
	kept := func(when string, want ...bool) {
		t.Helper()
		if _, err := f.Blobs.Put("somebody", fmt.Append(nil, when), time.Second); err != nil { // old ones make room
			t.Fatal(err)
		}
		for i, ref := range refs {
			if b, err := f.Blobs.Get(ref, 0, -1); (err == nil) != want[i] {
				t.Errorf("%s: proof %d: %v", when, i, err)
			} else if err == nil {
				b.Close()
			}
		}
	}
	f.Advance(time.Hour)
	kept("after an hour", true, true)
	f.StopWork(rp[:])
	kept("one leaf has ended", true, false)
	f.StopWork(other[:])
	kept("both have ended", false, false)
	f.distribute(rp, pov)
	f.Advance(time.Hour)
	kept("for no leaf", false, false)
}

func TestOwnProofsMustBeTheCandidates(t *testing.T) {
	f := start(t)
	f.Send("candidate-backing", &pdv1.DistributePoV{RelayParent: rp[:], Descriptor_: descriptor(proof(1, 1)),
		Pov: &primitivesv1.PoV{BlockData: &primitivesv1.BlobRef{Hash: rp[:], Size: 1}}})
	if f.Number("proofs") != 0 {
		t.Error("it is held")
	}
}

// A blob store that takes nothing is no peer's fault, and says whether to ask again.
func TestAStoreThatFailsIsALocalFault(t *testing.T) {
	for err, want := range map[error]subsystem.Code{
		subsystem.ErrBlobsFull: subsystem.Overloaded, errors.New("disk"): subsystem.Unavailable,
	} {
		if f := unstored(err); f.Code != want || !subsystem.Temporary(f) {
			t.Errorf("%v: %v", err, f)
		}
	}
}

func TestAStateThatCannotBeHadIsATrouble(t *testing.T) {
	f := bare(t)
	f.StartWork(rp[:], nil, 1)
	for _, q := range f.Sent() {
		q.Fail(subsystem.Refused, "no such state")
	}
	if f.Trouble("relay-parents") == "" {
		t.Error(f.Status())
	}
}

func TestEveryVariantIsHandled(t *testing.T) {
	o := overseertest.Exhaustive(t, Spec(Config{Chain: "relay"}))
	o.Advance(time.Minute)
}
