package statementdistribution

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

const (
	first     = "25 a statement that is new"
	known     = "5 a statement that holds"
	malformed = "-500 statements that can't be read"
)

// S1.
func TestAThirdCandidateOfAValidatorIsPassedOnToNobody(t *testing.T) {
	f := start(t)
	for peer := byte(1); peer <= 3; peer++ {
		f.connect(peer, rp)
	}
	f.hear(1, says(alice, seconded, 1), says(alice, seconded, 2))
	f.expect("backing: seconded 1 by 0", "to 2 3: seconded 1 by 0",
		"backing: seconded 2 by 0", "to 2 3: seconded 2 by 0")
	f.hear(2, says(alice, seconded, 3))
	f.expect()
	f.hear(2, says(alice, seconded, 1))
	f.hear(3, says(bob, seconded, 3))
	f.expect("backing: seconded 3 by 1", "to 1 2: seconded 3 by 1")
	f.Advance(payEvery)
	f.expect("report 1: 50 a statement that is new", "report 2: "+known, "report 3: "+first)
}

// Candidate-backing keeps nothing: what it counts it has to be told.
func TestACandidateBackingThatIsStartedAnewIsToldAllAgain(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.hear(1, says(alice, seconded, 1), says(bob, valid, 1))
	f.share(says(claire, valid, 1))
	f.news()
	f.Presence("candidate-backing", false)
	f.expect()
	f.Presence("candidate-backing", true)
	f.expect("backing: seconded 1 by 0", "backing: valid 1 by 1", "backing: valid 1 by 2")
	f.Presence("provisioner", true)
	f.expect()
}

// The bridge tells anew of all peers when it has lost what they said: another message, or all while it was away.
func TestWhatDependsOnACandidateThatTheBridgeHasLostCostsNothing(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.reset()
	f.connect(1, rp)
	f.ours(rp)
	f.hear(1, says(bob, valid, 1))
	f.expect("backing: valid 1 by 1")
	f.begin(other)
	f.ours(rp, other)
	f.view(1, rp, other)
	f.hearAbout(other, 1, saysAt(other, bob, valid, 1))
	f.expect("report 1: -100 a statement about a candidate that wasn't seconded")
}

// S2.
func TestWhatDependsOnACandidateCostsBeforeItIsSeconded(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.hear(1, says(bob, valid, 1))
	f.expect("report 1: -100 a statement about a candidate that wasn't seconded")
}

// S3.
func TestOwnStatementsAreSharedOnceAndTheCandidateFirst(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.connect(2)
	f.share(says(bob, valid, 1))
	f.expect()
	f.share(says(alice, seconded, 1))
	f.share(says(alice, seconded, 1))
	f.expect("to 1: seconded 1 by 0")
	f.share(says(bob, valid, 1))
	f.expect("to 1: valid 1 by 1")
}

// S4.
func TestWhoHasSaidItIsntTold(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.hear(1, says(alice, seconded, 1))
	f.share(says(alice, seconded, 1))
	f.expect("backing: seconded 1 by 0")
}

// S5.
func TestAStatementThatIsSentTwiceCosts(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.hear(1, says(alice, seconded, 1))
	f.hear(1, says(alice, seconded, 1))
	f.expect("backing: seconded 1 by 0", "report 1: -250 a statement that it had sent before")
}

// S8.
func TestAStatementOutOfOurViewCostsAndIsNotPassedOn(t *testing.T) {
	f := start(t)
	f.connect(1, rp, other)
	f.hearAbout(other, 1, saysAt(other, alice, seconded, 1))
	f.expect("report 1: -100 a statement about a relay parent out of this node's view")
}

// S9.
func TestABadSignatureOrIndexCosts(t *testing.T) {
	const cost = "-500 a statement with a wrong signature"
	f := start(t)
	f.connect(1, rp)
	f.connect(2, rp)
	f.hear(1, forged(alice, seconded, 1))
	f.hear(2, says(validators, seconded, 1))
	f.expect("report 1: "+cost, "report 2: "+cost)
}

// S10.
func TestAPeerThatNewlySharesTheViewIsToldAllSecondedFirst(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.hear(1, says(alice, seconded, 1), says(bob, valid, 1), says(claire, valid, 1))
	f.news()
	f.connect(2)
	f.expect()
	f.view(2, rp)
	f.expect("to 2: seconded 1 by 0, valid 1 by 1, valid 1 by 2")
	f.view(2, rp, other)
	f.expect()
	f.view(2)
	f.view(2, rp)
	f.expect("to 2: seconded 1 by 0, valid 1 by 1, valid 1 by 2")
}

// S12.
func TestWhatOneBringsGoesToBackingAndToTheOthers(t *testing.T) {
	const a, b, c = 1, 2, 3
	f := start(t)
	f.connect(a, rp)
	f.connect(b, rp)
	f.connect(c, rp)
	f.hear(a, says(alice, seconded, 1))
	f.expect("backing: seconded 1 by 0", "to 2 3: seconded 1 by 0")
	f.hear(b, says(alice, seconded, 1))
	f.expect()
	f.Advance(payEvery)
	f.expect("report 1: "+first, "report 2: "+known)
}

// S13.
func TestAStatementOutOfItsOwnViewCosts(t *testing.T) {
	f := start(t)
	f.connect(1)
	f.hear(1, says(alice, seconded, 1))
	f.expect("report 1: -100 a statement about a relay parent out of the peer's view")
}

// S14 is of another protocol, of which only this is there here: what is said beyond the limit costs and goes nowhere.
func TestAFloodCosts(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	for v := range uint32(validators) {
		f.hear(1, says(v, seconded, 1), says(v, valid, 1))
	}
	f.news()
	f.hear(1, says(alice, invalid, 1))
	f.expect("report 1: -1000 more statements than there can be")
}

func TestBytesThatCannotBeReadCost(t *testing.T) {
	compact := says(alice, seconded, 1)
	h := candidateHash(rp, 1)
	compact.Statement.Kind = &primitivesv1.Statement_SecondedHash{SecondedHash: h[:]}
	short := says(bob, valid, 1)
	short.Signature = short.Signature[1:]
	for name, s := range map[string]*primitivesv1.SignedStatement{
		"no receipt": compact, "a short signature": short, "nothing": {},
		"another relay parent": saysAt(other, alice, seconded, 1),
	} {
		f := start(t)
		f.connect(1, rp)
		f.hear(1, s)
		t.Log(name)
		f.expect("report 1: " + malformed)
	}
	f := start(t)
	f.connect(1, rp)
	f.bytes(1, []byte("nonsense"))
	f.expect("report 1: " + malformed)
}

// What comes before the leaf is known here is held, and taken when it is.
func TestWhatComesBeforeTheLeafIsHeld(t *testing.T) {
	f := bare(t)
	f.ours(rp)
	f.connect(1, rp)
	f.connect(2, rp)
	f.hear(1, says(alice, seconded, 1), says(bob, valid, 1))
	f.StartWork(rp[:], nil, 1)
	f.hear(1, says(claire, valid, 1))
	f.share(says(bob, seconded, 1))
	f.facts()
	f.expect("to 1 2: seconded 1 by 1",
		"backing: seconded 1 by 0", "to 2: seconded 1 by 0",
		"backing: valid 1 by 1", "to 2: valid 1 by 1",
		"backing: valid 1 by 2", "to 2: valid 1 by 2")
}

func TestWhatWasEarlyIsDroppedWhenItIsOutOfView(t *testing.T) {
	f := bare(t)
	f.ours(rp)
	f.connect(1, rp)
	f.connect(2, rp)
	f.hear(1, says(alice, seconded, 1))
	f.hear(2, says(bob, seconded, 2))
	f.view(1)
	f.begin(rp)
	f.expect("backing: seconded 2 by 1")
}

func TestALeafThatEndsIsForgotten(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.hear(1, says(alice, seconded, 1))
	f.news()
	f.StopWork(rp[:])
	f.share(says(bob, valid, 1))
	f.hear(1, says(claire, valid, 1))
	f.connect(2, rp)
	f.expect()
	if n := f.Number("statements"); n != 0 {
		t.Errorf("%d statements are kept", n)
	}
}

// The bridge tells anew who is connected, because we had no room for its news: who is still there isn't told again what
// it knows, and who isn't is forgotten.
func TestWhoIsToldAnewKnowsWhatItKnew(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.connect(2, rp)
	f.share(says(alice, seconded, 1))
	f.expect("to 1 2: seconded 1 by 0")
	f.reset()
	f.connect(1, rp)
	f.ours(rp)
	f.expect()
	f.connect(2, rp)
	f.expect("to 2: seconded 1 by 0")
}

// After a restart peers go on about candidates of which they have told the instance before: candidate-backing still
// knows those.
func TestWhatAnEarlierInstanceWasToldCostsNobody(t *testing.T) {
	f := fresh(t)
	f.begin(rp)
	f.reset()
	f.connect(1, rp, other)
	f.connect(2, rp)
	f.ours(rp)
	f.hear(1, says(bob, valid, 1), says(alice, seconded, 2))
	f.hear(2, says(bob, valid, 1))
	f.expect("backing: valid 1 by 1", "backing: seconded 2 by 0", "to 2: seconded 2 by 0")
	f.hear(2, says(alice, seconded, 1), says(bob, valid, 1))
	f.expect("backing: seconded 1 by 0", "to 1: seconded 1 by 0", "to 1: valid 1 by 1")
	f.begin(other)
	f.ours(rp, other)
	f.hearAbout(other, 1, saysAt(other, bob, valid, 1))
	f.expect("report 1: -100 a statement about a candidate that wasn't seconded")
}

func TestListenersHearWhatIsNewOnce(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	all := f.Ask("candidate-selection", &sdv1.RegisterStatementListener{})
	one := f.Ask("candidate-selection", &sdv1.RegisterStatementListener{RelayParent: rp[:]})
	none := f.Ask("candidate-selection", &sdv1.RegisterStatementListener{RelayParent: other[:]})
	broken := f.Ask("candidate-selection", &sdv1.RegisterStatementListener{RelayParent: []byte("short")})
	if !none.Done || none.Err != nil || broken.Err == nil {
		t.Errorf("%+v, %+v", none, broken)
	}
	f.hear(1, says(alice, seconded, 1))
	f.share(says(alice, seconded, 1))
	f.share(says(bob, valid, 1))
	f.news()
	f.begin(other)
	f.ours(rp, other)
	f.view(1, rp, other)
	f.hearAbout(other, 1, saysAt(other, alice, seconded, 1))
	all.Cancel()
	f.hear(1, says(claire, valid, 1))
	f.StopWork(rp[:])
	var lines []string
	for _, a := range []*overseertest.Answer{all, one} {
		for _, i := range a.Items {
			r := i.(*sdv1.RegisterStatementListenerResponse)
			lines = append(lines, f.line(r.GetRelayParent(), r.GetStatement()))
		}
	}
	f.Sent()
	if diff := cmp.Diff([]string{"seconded 1 by 0", "valid 1 by 1", "seconded 1 by 0", // all, until it was cancelled
		"seconded 1 by 0", "valid 1 by 1", "valid 1 by 2"}, lines); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !one.Done || f.Number("listeners") != 0 {
		t.Errorf("%d listen, done %t", f.Number("listeners"), one.Done)
	}
}

func TestAStateThatCannotBeHadIsATrouble(t *testing.T) {
	f := bare(t)
	f.StartWork(rp[:], nil, 1)
	for range 2 {
		s := f.Sent()
		for _, q := range s {
			q.Fail(subsystem.Refused, "no such state")
		}
	}
	if f.Trouble("relay-parents") == "" {
		t.Error(f.Status())
	}
	f.StopWork(rp[:])
	if f.Trouble("relay-parents") != "" {
		t.Error(f.Status())
	}
}

// An instance of candidate-backing that comes while a leaf is worked on is told what the one before has heard and said.
func TestAnInstanceOfBackingThatComesIsToldWhatIsKnown(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.hear(1, says(alice, seconded, 1), says(claire, valid, 1))
	f.share(says(bob, valid, 1))
	f.news()
	f.Presence("candidate-backing", false)
	f.Presence("provisioner", true)
	f.expect()
	f.Presence("candidate-backing", true)
	f.expect("backing: seconded 1 by 0", "backing: valid 1 by 2", "backing: valid 1 by 1")
}

func TestEveryVariantIsHandled(t *testing.T) {
	o := overseertest.Exhaustive(t, Spec(Config{Chain: "relay"}))
	o.Advance(time.Minute)
}

func TestOtherChainsLeavesMeanNothing(t *testing.T) {
	f := bare(t)
	f.On("kv")
	f.StartWork(rp[:], nil, 1)
	f.expect()
}
