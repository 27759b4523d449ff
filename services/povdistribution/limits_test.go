package povdistribution

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/candidate"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
)

func TestSoManyProofsAreFetchedForARelayParentAndNoMore(t *testing.T) {
	f := start(t)
	for n := range uint64(maxFetches) {
		f.fetch(proof(n, 1), uint32(n%validators))
	}
	f.missing(f.fetch(proof(99, 1), 1), tooManyOpen)
	f.fetch(proof(0, 1), 1) // shares one
	if n := f.Number("fetching"); n != maxFetches {
		t.Errorf("%d are fetched", n)
	}
}

// A peer is asked few things at a time, so an honest one has them open; the others follow, and none is forgotten.
func TestAPeerIsAskedFewThingsAtATime(t *testing.T) {
	f := start(t)
	pov := proof(1, 9<<20)
	a := f.fetch(pov, 1)
	b := f.fetch(proof(2, 1), 1)
	asked := 0
	for open := f.Sent(); len(open) > 0; asked++ {
		if len(open) > questionsAtOnce {
			t.Fatalf("%d questions are open", len(open))
		}
		var q pdv1.PartRequest
		unmarshal(t, open[0].Body.(*nbv1.SendRequest).GetPayload(), &q)
		of := pov
		if string(q.GetPovHash()) != string(hashOf(pov)) {
			of = proof(2, 1)
		}
		sends(open[0], of, int(q.GetOffset()))
		open = open[1:]
		for _, s := range f.Sent() {
			if _, ok := s.Body.(*nbv1.SendRequest); ok {
				open = append(open, s)
			}
		}
	}
	f.got(a, pov)
	f.got(b, proof(2, 1))
	if asked != 10 {
		t.Errorf("it was asked %d times", asked)
	}
}

// No proof is longer than one may be, however long its backer says that it is.
func TestALongerProofThanThereCanBeIsRefusedAtItsFirstPart(t *testing.T) {
	f := start(t)
	a := f.fetch(proof(1, 1), 1)
	answers(f.asked(1, 0), &pdv1.Part{Size: candidate.MaxPoV + 1, Bytes: make([]byte, pdv1.MaxPart)})
	f.expect("report 1: -500 a part of a proof that is none")
	f.missing(a, nobodySentIt)
}

func TestAPeerIsSentEachPartAFewTimes(t *testing.T) {
	f := start(t)
	pov := proof(1, 2*pdv1.MaxPart)
	f.distribute(rp, pov)
	for range 2 * mostServed {
		f.ask(1, rp, pov, 0, pdv1.MaxPart)
	}
	if n := f.Number("served-bytes"); n != 2*mostServed*pdv1.MaxPart {
		t.Errorf("%d bytes were sent", n)
	}
	f.news()
	f.ask(1, rp, pov, 0, 1)
	f.expect("report 1: -100 questions about the same proof again and again", "to 1: REFUSAL_ENOUGH")
	f.ask(2, rp, pov, 0, 1)
	f.expect("to 2: 1 of 2097152 bytes")
}

func TestAPeerMayAskForFewProofsThatArentHere(t *testing.T) {
	f := start(t)
	for n := range uint64(leastMisses) {
		f.ask(1, rp, proof(n, 1), 0, 1)
		f.expect("to 1: REFUSAL_NOT_HERE")
	}
	f.ask(1, rp, proof(999, 1), 0, 1)
	f.expect("report 1: -500 questions about more proofs than there can be", "to 1: REFUSAL_ENOUGH")
}

func TestFewQuestionsOfAPeerWaitForItsView(t *testing.T) {
	f := start(t)
	f.connect(9)
	for range openRequests {
		f.ask(9, rp, nil, 0, 1)
	}
	f.expect()
	f.ask(9, rp, nil, 0, 1)
	f.expect("to 9: REFUSAL_ENOUGH")
}

// When the bridge has no room for answers they are dropped, and wait nowhere.
func TestAnswersToPeersWaitNowhere(t *testing.T) {
	f := start(t)
	pov := proof(1, pdv1.MaxPart)
	f.distribute(rp, pov)
	f.Stall("network-bridge")
	for v := range byte(validators) {
		for range mostServed {
			f.ask(v, rp, pov, 0, pdv1.MaxPart)
		}
	}
	if messages, bytes := f.Parked(); messages != 0 || f.Number("dropped") == 0 {
		t.Errorf("%d answers wait, of %d bytes; %d were dropped", messages, bytes, f.Number("dropped"))
	}
}

func TestOfWhatWasAQuestionLatelyFewAreRemembered(t *testing.T) {
	f := start(t)
	for n := range byte(3 * pastLeaves) {
		h := [32]byte{n, 1}
		f.begin(h)
		f.StopWork(h[:])
		f.view(1, h)
	}
	d := f.Handler().(*distribution)
	if p := d.peers[[32]byte(id(1))]; len(d.past) != pastLeaves || len(p.past) != pastHeads {
		t.Errorf("%d leaves and %d heads are remembered", len(d.past), len(p.past))
	}
}
