package collator

import (
	"fmt"
	"slices"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

func TestEveryVariantIsHandled(t *testing.T) {
	overseertest.Exhaustive(t, Spec(Config{Chain: "relay"}))
}

// The story of 2.7 and 2.15: an opportunity, a signed collation, the validators of the group and of the next rotation,
// and what becomes of it.
func TestACollationIsOfferedAndFollowedToItsInclusion(t *testing.T) {
	w := bare(t)
	a := w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	w.expect("connect [0 1 2 3]")
	if got := opportunities(a); !slices.Equal(got, []string{"p"}) {
		t.Fatalf("told of %q", got)
	}
	o := a.Items[0].(*collatorv1.CollateOnResponse).GetOpportunity()
	if string(o.GetValidationData().GetParentHead()) != "head" || len(o.GetValidationCodeHash()) != 32 ||
		o.GetCore() != 0 {
		t.Errorf("%v", o)
	}
	w.connect(0, parent)
	w.connect(1, parent)
	watched := w.watch(para)
	r := w.submit("pov")
	name := nameOf(r)
	w.expect("to 0: collates for 7", "to 0: "+name+" of 3 bytes", "to 1: collates for 7", "to 1: "+name+" of 3 bytes")
	w.asks(1, r, 0, 1024)
	w.expect(`to 1: "pov"`)
	w.outcome(1, r, secondedBy(1))
	w.outcome(0, r, secondedBy(0))
	w.outcome(0, r, backedWith(2))
	w.outcome(1, r, backedWith(2))
	w.does(child, runtimeapiv1.CandidateEvent_KIND_BACKED, r)
	w.does(grandchild, runtimeapiv1.CandidateEvent_KIND_INCLUDED, r)
	w.stop(parent)
	w.leaf(child, parent, 10)
	w.leaf(grandchild, child, 11)
	w.expectSteps(watched, "seconded by 1", "backed with 2", "included in 11")
	w.asks(1, r, 0, 1024)
	w.expect("to 1: NOT_HERE")
	if w.Number("included") != 1 || w.Number("under-way") != 0 {
		t.Error(w.Status())
	}
}

// A second producer of a para is refused; when the first one has gone, the next gets what there is.
func TestOneProducerWorksForAPara(t *testing.T) {
	w := bare(t)
	first := w.collate(para)
	if why := refusal(t, w.collate(para)); why != collatorv1.CollateOnResponse_REFUSAL_ALREADY_COLLATING {
		t.Error(why)
	}
	w.leaf(parent, primitives.Hash{}, 9)
	first.Cancel()
	w.settle()
	if got := opportunities(w.collate(para)); !slices.Equal(got, []string{"p"}) {
		t.Errorf("the next is told of %q", got)
	}
}

// What was made on a leaf stays when its producer is started anew: the same gets the same answer, another one none.
func TestAProducerThatIsStartedAnewMakesNoSecondCollation(t *testing.T) {
	w := bare(t)
	first := w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	r := w.submit("pov")
	first.Cancel()
	w.collate(para)
	if again := w.submit("pov"); nameOf(again) != nameOf(r) {
		t.Error("the same is another collation now")
	}
	if why := w.refused(w.hands(w.submission(parent, "another"))); why != alreadySeconded {
		t.Error(why)
	}
}

func TestWithoutAKeyNothingIsCollated(t *testing.T) {
	w := bare(t)
	w.answers["PublicKeys"] = func(s overseertest.Sent) { s.Reply(&keystorev1.PublicKeysResponse{}) }
	if why := refusal(t, w.collate(para)); why != collatorv1.CollateOnResponse_REFUSAL_NO_KEY {
		t.Error(why)
	}
	w.answers["PublicKeys"] = func(s overseertest.Sent) { s.Fail(subsystem.Unavailable, "the keystore is away") }
	if a := w.collate(para); subsystem.CodeOf(a.Err) != subsystem.Unavailable {
		t.Error(a.Err)
	}
	delete(w.answers, "PublicKeys")
	if a := w.collate(para); a.Done {
		t.Errorf("with a key: %v", a.Items)
	}
}

// A para that the relay chain doesn't have is refused. One that has no core now isn't: it may have one on a later leaf.
func TestAParaWithoutACoreWaitsAndOneThatThereIsntIsRefused(t *testing.T) {
	w := bare(t)
	w.core = scheduled(8, nil)
	a := w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	if a.Done || len(a.Items) != 0 {
		t.Fatalf("%v", a.Items)
	}
	w.core = scheduled(para, nil)
	w.leaf(child, parent, 10)
	if got := opportunities(a); !slices.Equal(got, []string{"c"}) {
		t.Errorf("told of %q", got)
	}
	w = bare(t)
	w.core, w.code = scheduled(8, nil), nil
	a = w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	if why := refusal(t, a); why != collatorv1.CollateOnResponse_REFUSAL_UNKNOWN_PARA {
		t.Error(why)
	}
}

// 2.7: for each core that waits for the para, also one that is occupied until then; on a parathread's core only for the
// collator who has claimed it.
func TestOpportunitiesAreTheCoresThatWaitForThePara(t *testing.T) {
	for name, c := range map[string]struct {
		core *primitivesv1.CoreState
		want int
	}{
		"ours":               {scheduled(para, nil), 1},
		"another para's":     {scheduled(8, nil), 0},
		"claimed by us":      {scheduled(para, public(9)), 1},
		"claimed by another": {scheduled(para, public(8)), 0},
		"occupied, ours next": {&primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Occupied{
			Occupied: &primitivesv1.OccupiedCore{NextUpOnAvailable: &primitivesv1.ScheduledCore{Para: para},
				OccupiedSince: 9}}}, 1},
		"occupied": {&primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Occupied{
			Occupied: &primitivesv1.OccupiedCore{}}}, 0},
	} {
		w := bare(t)
		w.core = c.core
		a := w.collate(para)
		w.leaf(parent, primitives.Hash{}, 9)
		if got := opportunities(a); len(got) != c.want {
			t.Errorf("%s: told of %q", name, got)
		}
		w.leaf(child, primitives.Hash{}, 9) // a leaf beside it
		if got := opportunities(a); len(got) != 2*c.want {
			t.Errorf("%s, on two leaves: told of %q", name, got)
		}
	}
}

// L2: advertised to the validators of the group that have the relay parent in view, to each once.
func TestACollationIsAdvertisedOnceToThoseWhoHaveItsRelayParentInView(t *testing.T) {
	w := bare(t)
	w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	w.connect(0, parent)
	w.connect(1, child)
	w.connect(2, parent) // of the other group
	w.did = nil
	r := w.submit("pov")
	to := func(v int) []string {
		return []string{fmt.Sprintf("to %d: collates for 7", v), fmt.Sprintf("to %d: %s of 3 bytes", v, nameOf(r))}
	}
	w.expect(to(0)...)
	w.view(0, parent, child)
	w.disconnect(0)
	w.connect(0, parent) // L2: who comes again isn't told again
	w.expect()
	w.view(1, parent)
	w.expect(to(1)...)
}

// L2: only one upload at a time: the next validator gets its turn with the last part, or after 150 ms.
func TestOneValidatorAtATimeIsSentAProof(t *testing.T) {
	w := start(t)
	r := w.submit(string(make([]byte, 3000)))
	w.did = nil
	w.asks(0, r, 0, 1000)
	w.asks(1, r, 0, 1000)
	w.asks(1, r, 1000, 1000)
	w.asks(0, r, 1000, 1000)
	w.expect("to 0: 1000 bytes", "to 0: 1000 bytes")
	w.asks(0, r, 2000, 4000)
	w.expect("to 0: 1000 bytes", "to 1: 1000 bytes", "to 1: 1000 bytes")
	w.asks(0, r, 0, 1000)
	w.expect()
	w.later(uploadAlone)
	w.expect("to 0: 1000 bytes")
}

// Whoever waits in line when a collation has ended is told so.
func TestWhoWaitsForACollationThatEndsIsToldSo(t *testing.T) {
	w := start(t)
	r := w.submit("a proof")
	w.did = nil
	w.asks(0, r, 0, 1)
	w.asks(1, r, 0, 1)
	w.does(child, runtimeapiv1.CandidateEvent_KIND_INCLUDED, r)
	w.leaf(child, parent, 10)
	w.expect(`to 0: "a"`)
	w.later(uploadAlone)
	w.expect("to 1: NOT_HERE")
}

// Every question that isn't served has its answer, and what no honest validator asks has its price.
func TestQuestionsAreAnsweredByTheirRules(t *testing.T) {
	w := start(t)
	r := w.submit("pov")
	h := hashOf(r)
	w.connect(2, parent)
	w.did = nil
	for _, c := range []struct {
		from byte
		q    *collatorv1.PartRequest
		want []string
	}{
		{2, &collatorv1.PartRequest{Candidate: h[:], Length: 1}, []string{"to 2: NOT_OFFERED"}},
		{0, &collatorv1.PartRequest{Candidate: child[:], Length: 1}, []string{"to 0: NOT_HERE"}},
		{0, &collatorv1.PartRequest{Candidate: h[:], Offset: 3, Length: 1},
			[]string{"0: -100 " + noSuchPart.reason, "to 0: MALFORMED"}},
		{0, &collatorv1.PartRequest{Candidate: h[:], Offset: 1 << 63, Length: 1},
			[]string{"0: -100 " + noSuchPart.reason, "to 0: MALFORMED"}},
		{0, &collatorv1.PartRequest{Candidate: h[:]}, []string{"0: -500 " + unreadable.reason, "to 0: MALFORMED"}},
		{0, &collatorv1.PartRequest{Candidate: h[1:], Length: 1},
			[]string{"0: -500 " + unreadable.reason, "to 0: MALFORMED"}},
		{0, &collatorv1.PartRequest{Candidate: h[:], Offset: 1, Length: collatorv1.MaxPart}, []string{`to 0: "ov"`}},
	} {
		w.question(c.from, c.q)
		w.expect(c.want...)
	}
	w.request(0, []byte("nonsense"))
	w.expect("0: -500 "+unreadable.reason, "to 0: MALFORMED")
}

// L2: a Declare to a collator costs so much that the peer is disconnected. What else no validator says has its price,
// too; a word about what is forgotten has none.
func TestWhatValidatorsDoNotSayCosts(t *testing.T) {
	w := start(t)
	r := w.submit("pov")
	w.connect(2, parent)
	w.did = nil
	w.tells(0, &collatorv1.ToCollator{Kind: &collatorv1.ToCollator_Declare{Declare: &collatorv1.Declare{}}})
	w.expect("0: -1000 " + declares.reason)
	w.says(0, []byte("nonsense"))
	w.expect("0: -500 " + unreadable.reason)
	w.outcome(2, r, secondedBy(2))
	w.expect("2: -50 " + notOffered.reason)
	w.tells(0, &collatorv1.ToCollator{Kind: &collatorv1.ToCollator_Outcome{
		Outcome: &collatorv1.Outcome{Candidate: child[:]}}})
	w.outcome(3, r, secondedBy(3)) // nobody knows this peer
	w.expect()
}

// A validator beside the collator gets the collation over the bus, and is followed there.
func TestTheValidatorOnTheSameNodeIsHandedTheCollation(t *testing.T) {
	w := bare(t)
	w.own = 1
	w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	w.expect("connect [0 2 3]")
	watched := w.watch(para)
	r := w.submit("pov")
	w.expect("hand over " + nameOf(r))
	w.streams["CollationOutcome"].Item(outcomeOf(secondedBy(1)))
	w.streams["CollationOutcome"].Item(outcomeOf(backedWith(2)))
	w.expectSteps(watched, "seconded by 1", "backed with 2")
}

// What the bridge tells anew replaces what was known; whoever it doesn't name has gone.
func TestPeersAreToldAnew(t *testing.T) {
	w := start(t)
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeersReset{PeersReset: &nbv1.PeersReset{}}})
	w.connect(0, parent)
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_OurViewChange{OurViewChange: &nbv1.OurViewChange{}}})
	if n := w.Number("known-peers"); n != 1 {
		t.Error(n)
	}
	r := w.submit("pov")
	w.expect("to 0: collates for 7", "to 0: "+nameOf(r)+" of 3 bytes")
}

// The bridge keeps the validators connected for as long as somebody collates; when it was away it is asked again.
func TestTheBridgeIsAskedForTheValidatorsOfTheParas(t *testing.T) {
	w := bare(t)
	a := w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	w.leaf(child, parent, 10)
	w.expect("connect [0 1 2 3]") // they are the same on both
	w.streams["ConnectToValidators"].Fail(subsystem.Unavailable, "it is started anew")
	w.leaf(grandchild, child, 11)
	w.expect("connect [0 1 2 3]")
	w.core = scheduled(8, nil) // for now it has none
	w.leaf(primitives.Hash{'h'}, grandchild, 12)
	w.expect()
	a.Cancel()
	w.settle()
	if w.Open() != 0 {
		t.Errorf("%d questions are open, though nobody collates", w.Open())
	}
}

// When the overseer was away nobody has cancelled anything: who collated and who watched asks again, and is answered.
func TestAnOverseerThatIsStartedAnewStopsNothing(t *testing.T) {
	w := start(t)
	for range maxWatchers {
		w.watch(para)
	}
	r := w.submit("pov")
	w.Restart(&overseerv1.StartWork{Hash: child[:], Parent: parent[:], Number: 10})
	w.settle()
	w.did = nil
	a, watched := w.collate(para), w.watch(para)
	if got := opportunities(a); !slices.Equal(got, []string{"c"}) || watched.Err != nil {
		t.Errorf("told of %q, %v", got, watched.Err)
	}
	w.does(grandchild, runtimeapiv1.CandidateEvent_KIND_INCLUDED, r)
	w.leaf(grandchild, child, 11)
	w.expectSteps(watched, "included in 11")
}

// A leaf whose state can't be had is no opportunity, and is said to be this node's trouble for as long as it lasts.
func TestALeafWithoutStateIsThisNodesTrouble(t *testing.T) {
	w := bare(t)
	w.answers["Request"] = func(s overseertest.Sent) { s.Fail(subsystem.Refused, "no") }
	a := w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	if len(a.Items) != 0 || w.Trouble("relay-parents") == "" {
		t.Error(a.Items, w.Status())
	}
	w.stop(parent)
	if why := w.Trouble("relay-parents"); why != "" {
		t.Error(why)
	}
}
