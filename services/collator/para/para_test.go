package para

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

func startToy(t *testing.T) (*world, *toy) {
	c := &toy{}
	return start(t, c, &c.did), c
}

// known is what the keeper has seen.
func startKeeper(t *testing.T, known ...string) (*world, *keeper) {
	c := &keeper{known: map[string]bool{}}
	for _, head := range known {
		c.known[head] = true
	}
	return start(t, c, &c.did), c
}

// 2.7 as a team sees it: told when to build, it hands in a block, and hears each step to finality.
func TestABlockIsBuiltHandedInAndFollowed(t *testing.T) {
	w, _ := startToy(t)
	w.leaf(leaf1)
	w.opportunity(leaf1, "a")
	s, pov, sent := w.submitted()
	if pov != "a" || string(s.GetCommitments().GetHeadData()) != "ax" || s.GetPara() != id ||
		string(s.GetRelayParent()) != string(leaf1[:]) {
		t.Errorf("%q, %v", pov, s)
	}
	w.takes(sent, "c1")
	w.step("c1", &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Seconded{}})
	w.step("c1", includedIn(leaf3, 3))
	w.expect("build on a at 1", "submitted ax as c1", "c1 became more", "c1 became included")
	w.final("kv", leaf3, 30)
	w.final("relay", leaf2, 2)
	w.expect()
	w.final("relay", leaf3, 3)
	w.expect("c1 is final")
	w.step("c2", includedIn(leaf2, 2)) // what comes late is final by then
	w.expect("c2 became included", "c2 is final")
}

// follower wants to know of steps alone.
type follower struct{ steps []string }

func (*follower) Build(on Opportunity) (*Block, error) {
	return &Block{PoV: on.Head, Head: on.Head}, nil
}

func (f *follower) Submitted(candidate []byte, _ *Block) {
	f.steps = append(f.steps, string(candidate))
}

func (f *follower) Became(candidate []byte, _ *primitivesv1.CollationStatus) {
	f.steps = append(f.steps, string(candidate)+" became")
}

// A chain is told what it has methods for, and nothing else.
func TestAChainIsToldWhatItWantsToKnow(t *testing.T) {
	f := &follower{}
	w := start(t, f, &f.steps)
	w.leaf(leaf1)
	w.opportunity(leaf1, "a")
	_, _, sent := w.submitted()
	w.takes(sent, "c1")
	w.step("c1", includedIn(leaf2, 2))
	w.final("relay", leaf2, 2)
	w.opportunity(leaf2, "a")
	_, _, sent = w.submitted()
	sent.Fail(subsystem.Refused, "no")
	w.expect("c1", "c1 became")
}

// What a block of the relay chain has included that lies beside a final one isn't final, and isn't told of any more.
func TestWhatLiesBesideAFinalBlockIsNotFinal(t *testing.T) {
	w, _ := startToy(t)
	w.leaf(leaf1)
	w.opportunity(leaf1, "a")
	w.step("c1", includedIn(leaf2, 3))
	w.final("relay", leaf3, 3)
	w.final("relay", primitives.Hash{4}, 4)
	w.expect("build on a at 1", "c1 became included")
}

func TestNothingToBuildAndNothingThatCanBeBuilt(t *testing.T) {
	w, c := startToy(t)
	for _, result := range []func(Opportunity) (*Block, error){
		func(Opportunity) (*Block, error) { return nil, nil },
		func(Opportunity) (*Block, error) { return nil, errNo },
	} {
		c.build = result
		w.opportunity(leaf1, "a")
		if len(w.submits) != 0 {
			t.Error("a block that there isn't is handed in")
		}
	}
	c.build = nil
	w.opportunity(leaf2, "a")
	w.submitted()
	w.expect("build on a at 1", "build on a at 1", "build on a at 2")
}

// Each refusal reaches the chain with its reason, also before a block has a name.
func TestABlockThatIsNotTakenIsToldWithTheReason(t *testing.T) {
	w, _ := startToy(t)
	w.opportunity(leaf1, "a")
	_, _, sent := w.submitted()
	sent.Reply(&collatorv1.SubmitCollationResponse{Outcome: &collatorv1.SubmitCollationResponse_Refused{
		Refused: &primitivesv1.CollationRefused{
			Reason: primitivesv1.CollationRefusal_COLLATION_REFUSAL_ALREADY_SECONDED}}})
	w.opportunity(leaf2, "a")
	_, _, sent = w.submitted()
	sent.Fail(subsystem.Refused, "no")
	w.expect("build on a at 1", "not taken ax: ALREADY_SECONDED", "build on a at 2", "not taken ax: NODE_FAULT")
}

// While the collator is away, or refuses, it is asked again and again.
func TestTheCollatorIsAskedAgain(t *testing.T) {
	w, _ := startToy(t)
	w.collate[0].Item(&collatorv1.CollateOnResponse{Item: &collatorv1.CollateOnResponse_Refusal_{
		Refusal: collatorv1.CollateOnResponse_REFUSAL_ALREADY_COLLATING}})
	w.collate[0].End()
	w.watch[0].Fail(subsystem.Unavailable, "it is away")
	w.Advance(again - time.Millisecond)
	w.settle()
	if len(w.collate) != 1 || len(w.watch) != 1 {
		t.Fatal("it is asked at once")
	}
	w.Advance(time.Millisecond)
	w.settle()
	w.opportunity(leaf1, "a")
	w.step("c1", includedIn(leaf2, 2))
	w.expect("build on a at 1", "c1 became included")
}

// A producer that has lost everything goes on from the block that was included last.
func TestAHeadThatIsNotKnownIsRecoveredFromWhatWasIncludedLast(t *testing.T) {
	w, _ := startKeeper(t)
	w.last = made("ab")
	w.opportunity(leaf1, "ab")
	q := w.recovers[0].Body.(*distributionv1.RecoverAvailableData)
	if h := short(t, *w.last).Hash(); string(q.GetCandidate()) != string(h[:]) || q.GetSession() != 4 {
		t.Errorf("%v", q)
	}
	w.recovered("a", "b")
	w.submitted()
	w.expect("recover ab from a with b", "build on ab at 1")
}

// The head may be one that another collator has made, and that is on a core still.
func TestAHeadThatIsNotKnownIsRecoveredFromWhatIsOnACore(t *testing.T) {
	w, _ := startKeeper(t, "ab")
	w.last, w.pending = made("ab"), made("abc")
	w.opportunity(leaf1, "abc")
	if q := w.recovers[0].Body.(*distributionv1.RecoverAvailableData); q.GetSession() != 5 {
		t.Errorf("%v", q)
	}
	w.recovered("ab", "c")
	w.submitted()
	w.expect("recover abc from ab with c", "build on abc at 1")
}

func TestWhatIsKnownIsNotRecovered(t *testing.T) {
	w, _ := startKeeper(t, "ab")
	w.opportunity(leaf1, "ab")
	w.submitted()
	w.expect("build on ab at 1")
}

// Whatever a recovery ends with, the next opportunity is another try.
func TestARecoveryThatFailsIsTriedAgainWithTheNextOpportunity(t *testing.T) {
	unavailable := &distributionv1.RecoverAvailableDataResponse{
		Outcome: &distributionv1.RecoverAvailableDataResponse_Unavailable{
			Unavailable: &distributionv1.Unavailable{Have: 1, Need: 2}}}
	invalid := &distributionv1.RecoverAvailableDataResponse{
		Outcome: &distributionv1.RecoverAvailableDataResponse_Invalid{Invalid: &distributionv1.InvalidEncoding{}}}
	gone := &distributionv1.RecoverAvailableDataResponse{Outcome: &distributionv1.RecoverAvailableDataResponse_Data{
		Data: &primitivesv1.AvailableData{Pov: &primitivesv1.PoV{
			BlockData: &primitivesv1.BlobRef{Hash: leaf1[:], Size: 1}}}}}
	for name, fails := range map[string]func(*world, *keeper){
		"no chunks":           func(w *world, _ *keeper) { w.data(unavailable) },
		"wrongly encoded":     func(w *world, _ *keeper) { w.data(invalid) },
		"gone from the store": func(w *world, _ *keeper) { w.data(gone) },
		"nobody there to ask": func(w *world, _ *keeper) {
			w.recovers[0].Fail(subsystem.Unavailable, "")
			w.recovers = nil
		},
		"the chain can't use it": func(w *world, c *keeper) { c.broken = errNo; w.recovered("a", "b"); c.broken = nil },
	} {
		w, c := startKeeper(t)
		w.last = made("ab")
		w.opportunity(leaf1, "ab")
		fails(w, c)
		if len(w.submits) != 0 {
			t.Errorf("%s, and it has built", name)
		}
		w.opportunity(leaf2, "ab")
		w.recovered("a", "b")
		w.submitted()
	}
}

// A head that no block has made can't be had from anybody; while the state can't be asked nothing is built.
func TestAHeadThatNobodyHasMadeIsNotBuiltOn(t *testing.T) {
	w, _ := startKeeper(t)
	w.opportunity(leaf1, "genesis")
	w.last, w.pending = made("a"), made("ab")
	w.opportunity(leaf1, "other")
	w.silent = true
	w.opportunity(leaf1, "ab")
	if len(w.recovers) != 0 || len(w.submits) != 0 {
		t.Error(w.recovers, w.submits)
	}
	w.expect()
}

// Of the opportunities that come while a block is made only the newest is of use.
func TestTheNewestOpportunityIsTheNext(t *testing.T) {
	w, c := startKeeper(t)
	w.last = made("ab")
	w.opportunity(leaf1, "ab")
	c.known["ab"] = true
	w.opportunity(leaf2, "ab")
	w.opportunity(leaf3, "ab")
	w.recovered("a", "b")
	w.expect("recover ab from a with b", "build on ab at 1", "build on ab at 3")
}

// Included blocks that never become final are told of no more than so many.
func TestSoManyBlocksWaitToBeFinal(t *testing.T) {
	w, _ := startToy(t)
	for range maxIncluded + 1 {
		w.step("c1", includedIn(leaf1, 1))
	}
	if n := len(w.Handler().(*producer).finality.wait); n != maxIncluded {
		t.Error(n)
	}
}
