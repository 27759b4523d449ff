package snowman

import (
	"slices"
	"testing"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// lagging is the first of five validators, which has nothing of the chain that the others have accepted. It stands for
// the rest of its core itself.
type lagging struct {
	*catchUp
	blocks []*block.Block
	events []string

	certificates []primitives.Hash // of what was adopted: the blocks that they are for
}

func (l *lagging) suspend()                { l.events = append(l.events, "suspend") }
func (l *lagging) ask([]primitives.NodeID) { l.events = append(l.events, "asks for the next") }

func (l *lagging) resume()  { l.events = append(l.events, "resume") }
func (l *lagging) arrived() { l.events = append(l.events, "arrived") }

func (l *lagging) adopt(b *block.Block, certificate *finality.Proof) {
	l.accepted.push(b)
	l.certificates = append(l.certificates, certificate.Block)
}

// certificateOf stands for a certificate of the block.
func certificateOf(b *block.Block) []byte { return []byte("certificate of " + b.ID().String()) }

func newLagging(t *testing.T, blocks int) *lagging {
	turn := testTurn()
	l := &lagging{blocks: chainOf(t, blocks, 10)}
	l.catchUp = &catchUp{
		turn: turn, chain: testChain, rand: testRand(), sample: 5, asking: newAsking(turn, testChain.ID, 0),
		roster: testRoster(t, 5, 1, 2, 3, 4), accepted: newAccepted(testRoot), rest: l,
		certifies: func(c []byte, b *block.Block) (*finality.Proof, string) {
			if string(c) != string(certificateOf(b)) {
				return nil, "no certificate"
			}
			return &finality.Proof{Block: b.ID()}, ""
		},
	}
	return l
}

func (l *lagging) tip() *block.Block { return l.blocks[len(l.blocks)-1] }

// claim has nodes say that they have accepted the tip.
func (l *lagging) claim(nodes ...int) {
	for _, i := range nodes {
		l.roster.reported(node(i), l.tip().ID(), l.tip().Height)
	}
}

// run lets the VM commit and the others answer until nothing happens any more. lies is what a peer sends in place of
// ancestors; nil: it is honest.
func (l *lagging) run(lies func(primitives.NodeID) Input) {
	for {
		l.follow()
		out, pending := l.out, l.accepted.pending
		if _, waits := l.next(); len(out) == 0 && len(pending) == 0 && !(l.active() && waits) {
			return
		}
		for _, b := range pending {
			l.accepted.commit(b.ID())
		}
		l.after(catchUpWait)
		for _, a := range out {
			l.answer(a, lies)
		}
	}
}

func (l *lagging) answer(a Action, lies func(primitives.NodeID) Input) {
	switch a := a.(type) {
	case SendGetAcceptedFrontier:
		for _, n := range a.Nodes {
			l.onAcceptedFrontier(AcceptedFrontier{Node: n, RequestID: a.RequestID, ID: l.tip().ID()})
		}
	case SendGetAccepted:
		for _, n := range a.Nodes {
			l.onAccepted(Accepted{Node: n, RequestID: a.RequestID, IDs: a.IDs})
		}
	case SendGetAncestors:
		in := Input(certified(answer(l.blocks, a.ID, 7)))
		if lies != nil {
			if lie := lies(a.Node); lie != nil {
				in = lie
			}
		}
		if failed, ok := in.(RequestFailed); ok {
			l.requestFailed(l.asking.key(a.Node, a.RequestID, failed.Answer))
			return
		}
		got := in.(Ancestors)
		got.Node, got.RequestID = a.Node, a.RequestID
		l.onAncestors(got)
	}
}

// certified adds the blocks' certificates.
func certified(containers [][]byte) (in Ancestors) {
	for _, c := range containers {
		b, err := block.Decode(testChain, c)
		if err != nil {
			panic(err)
		}
		in.Containers, in.Certificates = append(in.Containers, c), append(in.Certificates, certificateOf(b))
	}
	return in
}

func TestWhatTheNetworkHasDecidedIsAdoptedInOrder(t *testing.T) {
	l := newLagging(t, 100)
	l.claim(1, 2, 3)
	l.run(nil)
	if l.accepted.stable != anchorOf(l.tip()) || l.active() {
		t.Errorf("it stands at %d, active %v", l.accepted.stable.Height, l.active())
	}
	for i, b := range l.blocks {
		if l.certificates[i] != b.ID() {
			t.Fatalf("block %d was adopted with that of %s", i, l.certificates[i])
		}
	}
	if !slices.Equal(l.events, []string{"suspend", "arrived"}) {
		t.Errorf("the rest of the core saw %v", l.events)
	}
}

func TestALongWayIsTakenInStretches(t *testing.T) {
	l := newLagging(t, 100)
	l.claim(1, 2, 3)
	stretches := 0
	l.run(func(primitives.NodeID) Input {
		l.ancestry.most = 30
		stretches = max(stretches, len(l.ancestry.tops)+1)
		return nil
	})
	if l.accepted.stable != anchorOf(l.tip()) || l.active() || stretches != 4 {
		t.Errorf("it stands at %d after %d stretches, active %v", l.accepted.stable.Height, stretches, l.active())
	}
	if !slices.Equal(l.events, []string{"suspend", "arrived"}) {
		t.Errorf("the rest of the core saw %v", l.events)
	}
}

func TestAFewWhoClaimToBeAheadStartNothing(t *testing.T) {
	l := newLagging(t, 100)
	l.claim(1)
	if l.run(nil); len(l.events) != 0 {
		t.Errorf("one of five said so: %v", l.events)
	}
}

// One honest peer is enough, whatever the others say that they have accepted.
func TestWhoNamesABlockThatItCantProveIsntAskedAgain(t *testing.T) {
	l := newLagging(t, 100)
	false1 := child(t, Anchor{ID: primitives.Hash{66}, Height: 1 << 40}, 0, 10)
	l.claim(1, 2)
	l.roster.reported(node(3), false1.ID(), false1.Height)
	asked := 0
	for round := 0; l.accepted.stable != anchorOf(l.tip()); round++ {
		if round > 1000 {
			t.Fatalf("it stands at %d, %v", l.accepted.stable.Height, l.events)
		}
		l.follow()
		out, pending := l.out, l.accepted.pending
		for _, b := range pending {
			l.accepted.commit(b.ID())
		}
		l.after(catchUpWait)
		for _, a := range out {
			if liar := l.lie(a, false1); liar {
				asked++
			}
		}
	}
	if !l.roster.peers[node(3)].unproven || asked > 4 {
		t.Errorf("the liar was asked %d times", asked)
	}
}

// lie answers as the fourth validator, who has made a block up, and as everybody else.
func (l *lagging) lie(a Action, made *block.Block) (asked bool) {
	switch a := a.(type) {
	case SendGetAcceptedFrontier:
		for _, n := range a.Nodes {
			id := l.tip().ID()
			if n == node(3) {
				id, asked = made.ID(), true
			}
			l.onAcceptedFrontier(AcceptedFrontier{Node: n, RequestID: a.RequestID, ID: id})
		}
	case SendGetAccepted:
		for _, n := range a.Nodes {
			ids := []primitives.Hash{l.tip().ID()}
			if n == node(3) {
				ids, asked = []primitives.Hash{made.ID()}, true
			}
			l.onAccepted(Accepted{Node: n, RequestID: a.RequestID, IDs: ids})
		}
	case SendGetAncestors:
		if a.Node != node(3) {
			l.answer(a, nil)
			return false
		}
		l.onAncestors(Ancestors{
			Node: a.Node, RequestID: a.RequestID, Containers: [][]byte{made.Bytes()},
			Certificates: [][]byte{[]byte("forged")},
		})
		return true
	}
	return asked
}

func TestABlockWithoutItsCertificateIsAskedOfSomebodyElse(t *testing.T) {
	l := newLagging(t, 100)
	l.claim(1, 2, 3)
	l.run(func(n primitives.NodeID) Input {
		if n != node(1) {
			return nil
		}
		in := certified(answer(l.blocks, l.ancestry.want, 7))
		if len(in.Certificates) > 1 {
			in.Certificates = in.Certificates[:1] // that of the first block only
		}
		return in
	})
	if l.accepted.stable != anchorOf(l.tip()) || !l.roster.peers[node(1)].unproven {
		t.Errorf("it stands at %d; who sent no certificates is trusted: %v",
			l.accepted.stable.Height, !l.roster.peers[node(1)].unproven)
	}
}

func TestAPeerThatDoesntDeliverIsAskedLast(t *testing.T) {
	for what, lie := range map[string]Input{
		"nonsense": Ancestors{Containers: [][]byte{[]byte("nonsense")}}, "nothing": Ancestors{},
		"silence": RequestFailed{Answer: requests.Ancestors},
	} {
		l := newLagging(t, 100)
		l.claim(1, 2, 3)
		asked := 0
		l.run(func(n primitives.NodeID) Input {
			if n != node(1) {
				return nil
			}
			asked++
			return lie
		})
		if l.accepted.stable != anchorOf(l.tip()) {
			t.Errorf("%s of one peer: it stands at %d", what, l.accepted.stable.Height)
		}
		if asked > 1 {
			t.Errorf("%s: the peer was asked %d times", what, asked)
		}
	}
}

func TestWhenNobodyDeliversAnotherRoundBeginsAfterAPause(t *testing.T) {
	l := newLagging(t, 100)
	l.claim(1, 2, 3)
	for round := range 2 {
		for try := 0; len(l.events) < 2*round+2; try++ {
			if try > 100 {
				t.Fatalf("it goes on for ever: %v", l.events)
			}
			l.follow()
			out := l.out
			l.after(catchUpWait)
			for _, a := range out {
				l.answer(a, func(primitives.NodeID) Input { return Ancestors{} })
			}
		}
	}
	if want := []string{"suspend", "resume", "suspend", "resume"}; !slices.Equal(l.events[:4], want) {
		t.Errorf("the rest of the core saw %v", l.events)
	}
}

func TestANodeThatIsBehindByAFewBlocksAsksForTheNextOfThem(t *testing.T) {
	l := newLagging(t, 3)
	l.claim(1, 2, 3)
	begun := l.now
	for looks := 0; l.now.Sub(begun) < nearBehind; looks++ {
		if l.follow(); l.active() {
			t.Fatal("it catches up at once")
		}
		if want := "asks for the next"; len(l.events) != looks+1 || l.events[looks] != want {
			t.Fatalf("after %v: %v", l.now.Sub(begun), l.events)
		}
		at, ok := l.next()
		if !ok || at.Sub(l.now) != refetch {
			t.Fatalf("it looks again in %v", at.Sub(l.now))
		}
		l.after(refetch)
	}
	if l.run(nil); l.accepted.stable != anchorOf(l.tip()) {
		t.Errorf("it stands at %d", l.accepted.stable.Height)
	}
}

// Every one of five names another block.
func TestAFewBlocksAreGatheredOfAFrontier(t *testing.T) {
	l := newLagging(t, 1)
	l.askFrontier()
	l.waiting, l.asked = 1000, 1<<40
	for i := range 1000 {
		l.onAcceptedFrontier(AcceptedFrontier{
			Node: node(1), RequestID: l.question, ID: primitives.Hash{9, byte(i), byte(i >> 8)},
		})
	}
	if len(l.ids) != frontierIDs {
		t.Errorf("%d are gathered", len(l.ids))
	}
}

// Four are asked; with the third answer more than half of their stake is there.
func TestTheSlowestArentWaitedFor(t *testing.T) {
	l := newLagging(t, 100)
	l.askFrontier()
	question := l.question
	for i := range 3 {
		if l.stage != askingFrontier {
			t.Fatalf("after %d answers of four it goes on", i)
		}
		l.onAcceptedFrontier(AcceptedFrontier{Node: node(i + 1), RequestID: question, ID: l.tip().ID()})
	}
	if l.stage != askingAccepted {
		t.Fatal("after three answers of four it waits for the last")
	}
	l.onAcceptedFrontier(AcceptedFrontier{Node: node(4), RequestID: question, ID: primitives.Hash{66}})
	if len(l.ids) != 1 || l.stage != askingAccepted || l.heard != 0 {
		t.Errorf("a late answer to the question before counts: %d blocks, stage %d", len(l.ids), l.stage)
	}
	for i := range 4 {
		if fetches := l.stage == fetchingAncestors; fetches != (i == 3) {
			t.Fatalf("after %d of four have confirmed it: stage %d", i, l.stage)
		}
		l.onAccepted(Accepted{Node: node(i + 1), RequestID: l.question, IDs: l.ids})
	}
	if !slices.Contains(l.from, node(4)) {
		t.Error("who confirmed it late isn't asked for blocks")
	}
}

// Three of four know of nothing new. They aren't ahead; the fourth may be.
func TestNobodyGoesOnWithAnswersThatSayNothing(t *testing.T) {
	l := newLagging(t, 100)
	l.askFrontier()
	for i := range 3 {
		l.onAcceptedFrontier(AcceptedFrontier{Node: node(i + 1), RequestID: l.question, ID: testRoot.ID})
	}
	if l.stage != askingFrontier {
		t.Fatalf("the one that is ahead isn't waited for: stage %d, %v", l.stage, l.events)
	}
	l.onAcceptedFrontier(AcceptedFrontier{Node: node(4), RequestID: l.question, ID: l.tip().ID()})
	for i := range 3 {
		l.onAccepted(Accepted{Node: node(i + 1), RequestID: l.question})
	}
	if l.stage != askingAccepted {
		t.Fatalf("the only one that can confirm it isn't waited for: stage %d, %v", l.stage, l.events)
	}
	if l.onAccepted(Accepted{Node: node(4), RequestID: l.question, IDs: l.ids}); l.stage != fetchingAncestors {
		t.Errorf("stage %d", l.stage)
	}
}

// A chain that leads past the last accepted block to a proven target is another one: its own certificates show it.
func TestWhoCatchesUpLooksAtAChainThatPassesItsOwn(t *testing.T) {
	l := newLagging(t, 4)
	for at, height := testRoot, uint64(1); height <= 2; height++ {
		own := child(t, at, 1, 20)
		l.accepted.push(own)
		at = anchorOf(own)
	}
	var seen []*block.Block
	l.certified = func(from primitives.NodeID, b *block.Block, certificate []byte) {
		if from == node(1) && string(certificate) == string(certificateOf(b)) {
			seen = append(seen, b)
		}
	}
	l.stage, l.request, l.ancestry = fetchingAncestors, 7, newAncestry(l.tip().ID())
	in := Ancestors{Node: node(1), RequestID: 7}
	for _, b := range slices.Backward(l.blocks) {
		in.Containers, in.Certificates = append(in.Containers, b.Bytes()), append(in.Certificates, certificateOf(b))
	}
	l.onAncestors(in)
	if len(seen) != 1 || seen[0].ID() != l.blocks[1].ID() {
		t.Errorf("looked at %v", seen)
	}
	if l.active() {
		t.Error("it goes on to fetch")
	}
}
