package availabilitydistribution

import (
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// junk is a pushed chunk of a candidate that there isn't.
func junk(n, size int) *distributionv1.Pushed {
	id := primitives.HashOf([]byte{byte(n), byte(n >> 8)})
	return &distributionv1.Pushed{Candidate: id[:], Chunk: make([]byte, size)}
}

func TestOfOnePeerFewPushedChunksAreHeld(t *testing.T) {
	w := start(t, 4, 3)
	for n := range giftsOfPeer {
		w.push(1, junk(n, 10))
	}
	w.push(2, junk(98, 10))
	w.push(1, junk(99, 10))
	w.told() // of most candidates that are seconded nothing comes: that costs nobody
	d := w.Handler().(*distribution)
	held := func(n int) bool { return d.pushed.held[primitives.Hash(junk(n, 10).GetCandidate())] != nil }
	if len(d.pushed.held) != giftsOfPeer+1 || held(0) || !held(1) || !held(98) || !held(99) {
		t.Errorf("%d are held, of them the oldest %t, the newest %t, another peer's %t", len(d.pushed.held), held(0),
			held(99), held(98))
	}
}

func TestAllPushedChunksTogetherAreBounded(t *testing.T) {
	w := start(t, 4, 3, 0)
	p := w.para(1, 100)
	w.push(0, pushedOf(p, 3))
	for n := range 200 {
		w.push(n+4, junk(n, distributionv1.MaxPushed))
	}
	if n := w.Number("pushed-bytes"); n > maxGiftBytes {
		t.Errorf("%d bytes", n)
	}
	w.honest(0)
	w.leaf(leafA, 1, p) // it has given way, and is fetched
	w.told("ask 0 for chunk 3", "report 0: 10 a chunk", "store chunk 3")
}

// The shortest chunks with the longest proofs take more memory than their bytes: that counts as well, since whoever has
// many names may push four from each.
func TestShortPushedChunksOfManyPeersAreBounded(t *testing.T) {
	w := start(t, 4, 3)
	d := w.Handler().(*distribution)
	proof := make([][]byte, 12)
	for i := range proof {
		proof[i] = make([]byte, 32)
	}
	const pushes = 3 * maxGiftBytes / (12*32 + giftOverhead)
	for n := range pushes {
		q := junk(n, 1)
		q.Proof = proof
		peer := append([]byte{byte(n), byte(n >> 8), byte(n >> 16)}, make([]byte, 29)...)
		d.onPeerMessage(&nbv1.PeerMessage{Peer: peer, Payload: marshal(q)})
	}
	if n := len(d.pushed.held); n > maxGiftBytes/(12*32+giftOverhead) || n == 0 {
		t.Errorf("%d chunks of %d are held", n, pushes)
	}
	if len(d.pushed.order) != len(d.pushed.held) || len(d.pushed.of) > len(d.pushed.held) {
		t.Errorf("%d in order and of %d peers, %d held", len(d.pushed.order), len(d.pushed.of), len(d.pushed.held))
	}
}

// A chunk that is read is paid for as a whole, however little of it is asked for.
func TestWhatAPeerIsServedIsBounded(t *testing.T) {
	w := start(t, 1, 0)
	const size = 8 << 20
	var list []*para
	for seed := range byte(12) {
		p := w.para(seed, size)
		w.holds(p, 0)
		list = append(list, p)
	}
	for range 10 {
		for _, p := range list {
			w.asks(3, p, 0, 0, 1)
		}
	}
	if w.reads > servedAtOnce/size {
		t.Errorf("%d chunks of %d bytes were read", w.reads, size)
	}
	w.story = nil
	w.asks(3, list[0], 0, 0, 1)
	w.told("refuse 3: 2")
	w.asks(2, list[0], 0, 0, 1)
	w.told("to 2: 1 of 8388672 bytes, 0 hashes")
	w.Advance(time.Second)
	w.asks(3, list[0], 0, 0, 1)
	w.told("to 3: 1 of 8388672 bytes, 0 hashes")
}

func TestQuestionsForWhatIsntHereAreBounded(t *testing.T) {
	w := start(t, 4, 1)
	p := w.para(1, 100)
	for range servedAtOnce/costOfNone + 1 {
		w.asks(3, p, 0, 0, 1)
	}
	w.story = nil
	w.asks(3, p, 0, 0, 1)
	w.told("refuse 3: 2")
}

func TestPeersThatAreServedAreBounded(t *testing.T) {
	s, now := served{spent: map[primitives.NodeID]*account{}}, time.Unix(0, 0)
	id := func(n int) (id primitives.NodeID) {
		id[0], id[1] = byte(n), byte(n>>8)
		return id
	}
	for n := range maxPayers {
		s.may(id(n), now)
		s.pay(id(n), 1<<20)
	}
	if s.may(id(maxPayers), now) || len(s.spent) != maxPayers {
		t.Errorf("%d are remembered", len(s.spent))
	}
	if !s.may(id(maxPayers), now.Add(time.Second)) || len(s.spent) != 1 { // all have been forgiven
		t.Errorf("%d are remembered", len(s.spent))
	}
}

func TestTheChunksThatAreHeldForServingAreBounded(t *testing.T) {
	var s shelf
	for n := range uint32(200) {
		s.put(primitives.Hash{}, erasure.Chunk{Index: n, Bytes: make([]byte, 1<<10)}, time.Unix(0, 0))
	}
	if len(s.held) != maxShelved {
		t.Errorf("%d chunks", len(s.held))
	}
	for n := range uint32(5) {
		s.put(primitives.Hash{1}, erasure.Chunk{Index: n, Bytes: make([]byte, erasure.MaxData)}, time.Unix(0, 0))
	}
	if s.bytes > shelfBytes || len(s.held) != 2 {
		t.Errorf("%d chunks of %d bytes", len(s.held), s.bytes)
	}
}

func TestRecoveriesAreBoundedAndEachAsksForFewChunksAtATime(t *testing.T) {
	w := start(t, 100, 99)
	for v := range 99 {
		w.peers[v] = func(*distributionv1.PartRequest) *distributionv1.Part { return nil }
	}
	p := w.para(1, 100)
	w.recover(p)
	if n := len(w.asked()); n != atOnce {
		t.Errorf("%d chunks are asked for at a time", n)
	}
	for range maxRecoveries - 1 {
		w.recover(p)
	}
	if a := w.recover(p); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Errorf("%v, %v", a.Reply, a.Err)
	}
}

// When the bridge has no room for answers they are dropped, and wait nowhere.
func TestAnswersToPeersWaitNowhere(t *testing.T) {
	w := start(t, 1, 0)
	p := w.para(1, 1<<20)
	w.holds(p, 0)
	w.Stall("network-bridge")
	for range 60 {
		w.asks(3, p, 0, 0, distributionv1.MaxPart)
	}
	if messages, bytes := w.Parked(); messages != 0 {
		t.Errorf("%d answers wait, of %d bytes", messages, bytes)
	}
}

func TestTheCodersThatAreHeldAreBounded(t *testing.T) {
	d := start(t, 4, 3).Handler().(*distribution)
	for n := range 3 * maxCoders {
		d.remember(n+1, nil)
		if len(d.coders) > maxCoders {
			t.Fatalf("%d coders are held", len(d.coders))
		}
	}
}

// The store is slow, and many peers ask, each within his own bounds.
func TestSoManyChunksAreReadForPeersAtATime(t *testing.T) {
	w := start(t, 4, 0)
	p := w.para(1, 100)
	w.holds(p, 0)
	ask := func(from int) {
		q := &distributionv1.PartRequest{Candidate: p.id[:], Index: 0, Length: distributionv1.MaxPart}
		w.Send("network-bridge", &distributionv1.NetworkBridgeUpdate{Event: &nbv1.NetworkBridgeEvent{
			Kind: &nbv1.NetworkBridgeEvent_PeerRequest{PeerRequest: &nbv1.PeerRequest{
				Peer: node(from), RequestId: 1, Payload: marshal(q)}}}})
	}
	for n := range maxReads + 1 {
		ask(n + 4)
	}
	asked := w.Sent()
	if len(asked) != maxReads+1 { // the last is a refusal
		t.Fatalf("%d sent", len(asked))
	}
	if e := asked[maxReads].Body.(*nbv1.SendResponse).GetError(); e.GetCode() != refusedEnough {
		t.Errorf("%v", e)
	}
	for _, s := range asked[:maxReads] {
		w.store(s)
	}
	w.Sent()
	ask(1)
	w.serve()
	if len(w.story) != 1 || !strings.HasPrefix(w.story[0], "to 1: ") {
		t.Errorf("when they are read: %v", w.story)
	}
}
