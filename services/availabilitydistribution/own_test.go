package availabilitydistribution

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

func TestItKnowsItsWholeEnum(t *testing.T) {
	overseertest.Exhaustive(t, Spec(Config{Chain: "relay"}))
}

// The 2021 form of availability distribution: the backing group's members are asked in their order.
func TestItsChunkComesFromTheBackersInTheirOrder(t *testing.T) {
	w := start(t, 7, 6, 3, 1, 0)
	w.honest(0)
	w.peers[1] = func(*distributionv1.PartRequest) *distributionv1.Part { return nil }
	w.leaf(leafA, 1, w.para(1, 1000)) // 3 isn't connected
	w.told("ask 3 for chunk 6", "ask 1 for chunk 6")
	w.late()
	w.told("ask 0 for chunk 6", "report 0: 10 a chunk", "store chunk 6")
	w.pass(time.Minute)
	w.told()
}

// T2: each candidate of a block has its chunk fetched; A16: not one that is here.
func TestOfEachCandidateOnACoreTheChunkIsFetchedIfItIsntHere(t *testing.T) {
	w := start(t, 4, 2, 0)
	w.honest(0)
	here := w.para(1, 100)
	w.holds(here, 2)
	w.leaf(leafA, 1, here, w.para(2, 100), w.para(3, 100))
	w.leaf(leafB, 2, here, w.para(2, 100), w.para(3, 100))
	one := []string{"ask 0 for chunk 2", "ask 0 for chunk 2", "report 0: 10 a chunk", "store chunk 2",
		"report 0: 10 a chunk", "store chunk 2"}
	if len(w.story) != len(one) {
		t.Errorf("%q", w.story)
	}
	if len(w.stored) != 3 {
		t.Errorf("%d candidates' chunks are stored", len(w.stored))
	}
}

// Of several instances that learn of a candidate the one that it is given to fetches the chunk; the others ask again with
// each leaf, since that one may have ended.
func TestOfSeveralInstancesOneFetchesTheChunk(t *testing.T) {
	w := start(t, 4, 2, 0)
	w.honest(0)
	w.others = true
	p := w.para(1, 100)
	w.leaf(leafA, 1, p)
	w.told()
	w.Send(Name, &distributionv1.TakeUp{Candidate: []byte("none")})
	w.Send(Name, &distributionv1.TakeUp{Candidate: leafB[:]}) // that another one has learned of
	w.serve()
	w.told()
	w.others = false
	w.leaf(leafB, 2, p)
	w.told("ask 0 for chunk 2", "report 0: 10 a chunk", "store chunk 2")
	w.Send(Name, &distributionv1.TakeUp{Candidate: p.id[:]}) // and again, from the other one
	w.serve()
	w.told()
}

func TestASingleValidatorAsksNobody(t *testing.T) {
	w := start(t, 1, 0, 0)
	p := w.para(1, 100)
	w.leaf(leafA, 1, p) // its backing stores all chunks in a moment
	w.Send("candidate-backing", &distributionv1.DistributeChunk{Candidate: p.id[:], Chunk: p.chunk(0)})
	w.holds(p, 0)
	w.pass(10 * time.Second)
	w.told()
}

func TestANodeThatIsNoValidatorFetchesNothing(t *testing.T) {
	w := start(t, 4, 9, 0)
	w.honest(0)
	w.leaf(leafA, 1, w.para(1, 100))
	w.told()
}

// A chunk that is longer than a frame comes in parts.
func TestALongChunkComesInParts(t *testing.T) {
	w := start(t, 4, 3, 0)
	w.honest(0)
	w.leaf(leafA, 1, w.para(1, 5<<20))
	w.told("ask 0 for chunk 3", "report 0: 10 a chunk", "store chunk 3")
}

// A10 and A14: a chunk that the root doesn't commit to costs 100, one of another index is such a chunk; what is no part
// of a chunk costs 500. The next backer is asked.
func TestA10A14AWrongChunkCostsAndTheNextBackerIsAsked(t *testing.T) {
	const noProof, noPart = "report 0: -100 a chunk that the erasure root doesn't commit to",
		"report 0: -500 a part that is none of a chunk"
	p := paraOf(t, 1, 3<<20, 4)
	spoiled := p.part(3, 0)
	spoiled.Bytes = append([]byte{spoiled.Bytes[0] ^ 1}, spoiled.Bytes[1:]...)
	for name, c := range map[string]struct {
		part *distributionv1.Part
		want string
	}{
		"another's": {
			&distributionv1.Part{Size: 64, Bytes: make([]byte, 64), Proof: p.part(2, 0).Proof}, noProof},
		"no proof":            {&distributionv1.Part{Size: 64, Bytes: make([]byte, 64)}, noProof},
		"longer than it says": {&distributionv1.Part{Size: 10, Bytes: make([]byte, 11)}, noPart},
		"shorter":             {&distributionv1.Part{Size: 1 << 20, Bytes: make([]byte, 10)}, noPart},
		"endless":             {&distributionv1.Part{Size: 1 << 40, Bytes: make([]byte, 1<<20)}, noPart},
		"of no size":          {&distributionv1.Part{Bytes: make([]byte, 10)}, noPart},
		"a short proof": {&distributionv1.Part{Size: 64, Bytes: make([]byte, 64), Proof: [][]byte{{1}}},
			"report 0: -500 a part of a chunk that can't be read"},
	} {
		w := start(t, 4, 3, 0, 1)
		w.honest(1)
		w.peers[0] = func(*distributionv1.PartRequest) *distributionv1.Part { return c.part }
		t.Log(name)
		w.leaf(leafA, 1, w.para(1, 1000))
		w.told("ask 0 for chunk 3", c.want, "ask 1 for chunk 3", "report 1: 10 a chunk", "store chunk 3")
	}
	w := start(t, 4, 3, 0, 1)
	w.honest(1)
	w.peers[0] = func(q *distributionv1.PartRequest) *distributionv1.Part {
		if q.GetOffset() == 0 {
			return spoiled
		}
		return p.part(3, int(q.GetOffset()))
	}
	w.leaf(leafA, 1, w.para(1, 3<<20))
	w.told("ask 0 for chunk 3", noProof, "ask 1 for chunk 3", "report 1: 10 a chunk", "store chunk 3")
}

func TestASourceThatHasntGotItOrDropsItMeanwhileCostsItselfNothing(t *testing.T) {
	w := start(t, 4, 3, 0, 1)
	w.honest(1)
	w.peers[0] = func(q *distributionv1.PartRequest) *distributionv1.Part {
		if q.GetOffset() == 0 {
			return paraOf(t, 1, 5<<20, 4).part(3, 0)
		}
		return &distributionv1.Part{}
	}
	w.leaf(leafA, 1, w.para(1, 5<<20))
	w.told("ask 0 for chunk 3", "ask 1 for chunk 3", "report 1: 10 a chunk", "store chunk 3")
}

// The store learns of a candidate by itself, and perhaps a moment later.
func TestAStoreThatDoesntKnowTheCandidateYetIsOfferedTheChunkAgain(t *testing.T) {
	w := start(t, 4, 3, 0)
	w.honest(0)
	w.unknown = true
	w.leaf(leafA, 1, w.para(1, 100))
	w.pass(500 * time.Millisecond)
	w.told("ask 0 for chunk 3", "report 0: 10 a chunk")
	w.unknown = false
	w.pass(500 * time.Millisecond)
	w.told("store chunk 3")
}

func TestWhatNobodyHasOrTheStoreFailsToKeepIsTriedAgainAndAnewWithEachLeaf(t *testing.T) {
	w := start(t, 4, 3, 0)
	p := w.para(1, 100)
	w.leaf(leafA, 1, p)
	w.pass(time.Minute)
	if n := len(w.story); n != tries+1 {
		t.Errorf("it was asked for %d times", n)
	}
	w.story, w.broken = nil, true
	w.leaf(leafB, 2, p)
	w.pass(300 * time.Millisecond)
	w.told()
	w.broken = false
	w.honest(0)
	w.pass(time.Second)
	w.told("ask 0 for chunk 3", "report 0: 10 a chunk", "store chunk 3")
}

// Blocks that come faster than a silent backer is given up don't begin the fetch anew each time.
func TestASilentBackerDoesntHoldUpTheChunkWhenBlocksAreFast(t *testing.T) {
	w := start(t, 4, 3, 0, 1)
	w.peers[0] = func(*distributionv1.PartRequest) *distributionv1.Part { return nil }
	w.honest(1)
	p := w.para(1, 100)
	w.leaf(leafA, 1, p)
	w.stop(leafA)
	w.leaf(leafB, 2, p)
	w.pass(900 * time.Millisecond)
	w.late()
	w.told("ask 0 for chunk 3", "ask 1 for chunk 3", "report 1: 10 a chunk", "store chunk 3")
}

func TestACandidateThatIsOnNoLeafAnyMoreIsForgotten(t *testing.T) {
	w := start(t, 4, 3, 0, 1)
	w.peers[0] = func(*distributionv1.PartRequest) *distributionv1.Part { return nil }
	w.leaf(leafA, 1, w.para(1, 100))
	w.told("ask 0 for chunk 3")
	w.stop(leafA)
	w.Advance(linger)
	w.serve()
	if n := w.Number("live-candidates"); n != 0 {
		t.Errorf("%d are live", n)
	}
	w.told("ask 1 for chunk 3")
	w.pass(time.Minute)
	w.told()
}

func TestALeafThatEndsBeforeItIsLearnedIsNotWorkedOn(t *testing.T) {
	w := start(t, 4, 3, 0)
	w.honest(0)
	w.blind = true
	w.leaf(leafA, 1, w.para(1, 100))
	w.stop(leafA)
	w.blind = false
	w.pass(5 * time.Second)
	w.told()
}

// DistributeChunk: a chunk goes to the validator whose it is, and to nobody else (T1).
func TestAChunkIsPushedToTheValidatorWhoseItIs(t *testing.T) {
	w := start(t, 4, 1, 1)
	p := w.para(1, 1000)
	give := func(c *primitivesv1.ErasureChunk) {
		w.Send("candidate-backing", &distributionv1.DistributeChunk{Candidate: p.id[:], Chunk: c})
		w.serve()
	}
	give(p.chunk(2))
	w.told() // no leaf: whose it is isn't known
	w.leaf(leafA, 1)
	for v := range 4 {
		give(p.chunk(v))
	}
	give(&primitivesv1.ErasureChunk{Index: 4, Content: &primitivesv1.ErasureChunk_Chunk{Chunk: []byte{1}}})
	give(&primitivesv1.ErasureChunk{Index: 3})
	give(&primitivesv1.ErasureChunk{
		Index: 3, Content: &primitivesv1.ErasureChunk_Chunk{Chunk: make([]byte, distributionv1.MaxPushed+1)}})
	w.told("push chunk 0 to 0", "push chunk 2 to 2", "push chunk 3 to 3")
}

// A10: a chunk that was pushed is stored once its candidate is on a core, without a question.
func TestA10APushedChunkIsTakenAndTheSecondTimeCosts(t *testing.T) {
	w := start(t, 4, 3, 0)
	p := w.para(1, 100)
	w.push(0, pushedOf(p, 3))
	w.told()
	w.push(0, pushedOf(p, 3))
	w.told("report 0: -50 the same chunk pushed twice")
	w.push(1, pushedOf(p, 3))
	w.leaf(leafA, 1, p)
	w.told("report 0: 15 this validator's chunk, before it asked", "store chunk 3")
	w.push(2, pushedOf(p, 3)) // late, and of no use
	w.told()
}

func TestA10APushedChunkThatIsWrongCostsAndItIsFetched(t *testing.T) {
	p := paraOf(t, 1, 100, 4)
	wrong := pushedOf(p, 3)
	wrong.Chunk = append([]byte{wrong.Chunk[0] ^ 1}, wrong.Chunk[1:]...)
	for want, push := range map[string]*distributionv1.Pushed{
		"report 2: -100 a pushed chunk that the erasure root doesn't commit to": wrong,
		"report 2: -50 a pushed chunk of another validator's":                   pushedOf(p, 1),
	} {
		w := start(t, 4, 3, 0)
		w.honest(0)
		w.push(2, push)
		w.leaf(leafA, 1, w.para(1, 100))
		w.told(want, "ask 0 for chunk 3", "report 0: 10 a chunk", "store chunk 3")
	}
}

// While nobody has the chunk, one that is pushed helps.
func TestAChunkThatIsPushedWhileItIsSoughtIsTaken(t *testing.T) {
	w := start(t, 4, 3)
	p := w.para(1, 100)
	w.leaf(leafA, 1, p)
	w.push(0, pushedOf(p, 3))
	w.pass(againAfter)
	w.told("report 0: 15 this validator's chunk, before it asked", "store chunk 3")
}

// A validator that has checked a candidate has all its chunks, and is pushed its own by each other that has seconded it.
func TestAPushedChunkIsForgottenWhenItIsHereAlready(t *testing.T) {
	w := start(t, 4, 3)
	p := w.para(1, 100)
	w.holds(p, 3)
	w.push(0, pushedOf(p, 3))
	w.leaf(leafA, 1, p)
	w.told()
	if d := w.Handler().(*distribution); len(d.pushed.held) != 0 {
		t.Errorf("%d are held", len(d.pushed.held))
	}
}

func TestAPushedChunkIsForgottenWhenNothingComesOfIt(t *testing.T) {
	w := start(t, 4, 3)
	w.push(0, pushedOf(w.para(1, 100), 3))
	w.Advance(giftKept + time.Second)
	w.push(0, pushedOf(w.para(2, 100), 3))
	if d := w.Handler().(*distribution); len(d.pushed.held) != 1 || d.pushed.of[primitives.NodeID(node(0))] != 1 {
		t.Errorf("%d are held", len(d.pushed.held))
	}
}

func TestWhatIsNoMessageCosts(t *testing.T) {
	w := start(t, 4, 3)
	w.message(1, []byte("nonsense"))
	w.message(1, marshal(&distributionv1.Pushed{Candidate: []byte("short"), Chunk: []byte{1}}))
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessages{PeerMessages: &nbv1.PeerMessages{
		Messages: []*nbv1.PeerMessage{{Peer: node(2), Payload: marshal(&distributionv1.Pushed{})}}}}})
	w.told("report 1: -500 a pushed chunk that can't be read", "report 1: -500 a pushed chunk that can't be read",
		"report 2: -500 a pushed chunk that can't be read")
}

// A bridge that was restarted is told again who takes the protocol's events.
func TestItRegistersAgainWithABridgeThatWasRestarted(t *testing.T) {
	w := start(t, 4, 3)
	w.Presence("network-bridge", true)
	overseertest.Expect[*nbv1.RegisterEventProducer](w.Overseer)
}
