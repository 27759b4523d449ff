package engine

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"maps"
	"runtime"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/snowman"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

// floods is how a peer floods a node with each kind of message that engines say to each other, by the kind's name in
// PeerMessage. Each is called again and again, with the number of the call.
var floods = map[string]func(*flooder, uint32){
	"get_state_summary_frontier": func(f *flooder, i uint32) { f.say(&enginev1.GetStateSummaryFrontier{RequestId: i}) },
	"state_summary_frontier": func(f *flooder, i uint32) {
		f.say(&enginev1.StateSummaryFrontier{RequestId: i, Summary: make([]byte, 10_000)})
	},
	"get_accepted_state_summary": func(f *flooder, i uint32) {
		f.say(&enginev1.GetAcceptedStateSummary{RequestId: i, Heights: make([]uint64, maxSummaries)})
	},
	"accepted_state_summary": func(f *flooder, i uint32) {
		f.say(&enginev1.AcceptedStateSummary{RequestId: i, SummaryIds: someIDs(i, 64)})
	},
	"get_accepted_frontier": func(f *flooder, i uint32) { f.say(&enginev1.GetAcceptedFrontier{RequestId: i}) },
	"accepted_frontier": func(f *flooder,
		i uint32) {
		f.say(&enginev1.AcceptedFrontier{RequestId: i, ContainerId: someID(i)})
	},
	"get_accepted": func(f *flooder, i uint32) {
		f.say(&enginev1.GetAccepted{RequestId: i, ContainerIds: someIDs(i, maxAccepted)})
	},
	"accepted": func(f *flooder, i uint32) {
		f.say(&enginev1.Accepted{RequestId: i, ContainerIds: someIDs(i, maxAccepted)})
	},
	"get_ancestors": func(f *flooder, i uint32) { f.say(&enginev1.GetAncestors{RequestId: i, ContainerId: someID(i)}) },
	"ancestors": func(f *flooder, i uint32) {
		f.say(&enginev1.Ancestors{RequestId: i, Containers: [][]byte{f.block(i, 1000).Bytes()}})
	},
	"get": func(f *flooder, i uint32) { f.say(&enginev1.Get{RequestId: i, ContainerId: someID(i)}) },
	"put": func(f *flooder, i uint32) { // has itself asked for blocks, and sends them
		f.say(&enginev1.Put{RequestId: i, Container: f.block(i, 1000).Bytes()})
		b := f.orphan(i, 20_000)
		id := b.ID()
		for _, m := range f.say(&enginev1.PullQuery{RequestId: i, ContainerId: id[:]}) {
			if g, ok := m.(*enginev1.Get); ok && bytes.Equal(g.GetContainerId(), id[:]) {
				f.say(&enginev1.Put{RequestId: g.GetRequestId(), Container: b.Bytes()})
			}
		}
	},
	"push_query": func(f *flooder, i uint32) {
		kinds := []func(uint32, int) *block.Block{f.orphan, f.early, f.block, f.forged}
		b := kinds[i*uint32(len(kinds))/floodLength](i, 100_000)
		f.say(&enginev1.PushQuery{RequestId: i, Container: b.Bytes()})
	},
	"pull_query": func(f *flooder, i uint32) { f.say(&enginev1.PullQuery{RequestId: i, ContainerId: someID(i)}) },
	"chits": func(f *flooder, i uint32) { // answers every query, asked or not, with blocks that nobody has
		vote := &enginev1.Chits{
			RequestId: i, PreferredId: someID(2 * i), PreferredIdAtHeight: someID(2*i + 1), AcceptedId: someID(i),
			AcceptedHeight: uint64(i),
		}
		for _, m := range append(f.say(vote), f.say(&enginev1.PushQuery{Container: f.block(i, 100).Bytes()})...) {
			if q, ok := m.(*enginev1.PullQuery); ok {
				vote.RequestId = q.GetRequestId()
				f.say(vote)
			}
		}
	},
	"app_request": func(f *flooder, i uint32) {
		f.say(&enginev1.AppRequest{RequestId: i, DeadlineMs: 1 << 30, Request: make([]byte, 10_000)})
	},
	"app_response": func(f *flooder, i uint32) {
		f.say(&enginev1.AppResponse{RequestId: i, Response: make([]byte, 10_000)})
	},
	"app_error": func(f *flooder, i uint32) {
		f.say(&enginev1.AppError{RequestId: i, Message: string(make([]byte, 10_000))})
	},
	"app_gossip": func(f *flooder, _ uint32) { f.say(&enginev1.AppGossip{Gossip: make([]byte, 10_000)}) },
	"votes": func(f *flooder, i uint32) { // of its own for blocks that nobody has, of all rounds and heights; and forged
		for height := range uint64(10) {
			f.say(f.votes(height, i/2, 1+i%2, someID(1000*i+uint32(height))))
		}
		if i > floodLength/2 {
			v := &enginev1.Vote{Validator: 3, Round: i, Phase: 1, BlockId: someID(i), Signature: make([]byte, 64)}
			f.say(&enginev1.Votes{Height: 1, Votes: []*enginev1.Vote{v, v, v}})
		}
	},
	"get_votes": func(f *flooder, i uint32) { f.say(&enginev1.GetVotes{Height: uint64(i % 20), Round: i}) },
	"proof": func(f *flooder, i uint32) {
		f.say(&enginev1.Proof{Proof: f.proof(finality.Prepare, i, f.block(i, 100))})
		f.say(&enginev1.Proof{Proof: append(someID(i), make([]byte, 10_000)...)})
	},
	"certified": func(f *flooder, i uint32) {
		b := f.block(i, 20_000)
		f.say(&enginev1.Certified{Container: b.Bytes(), Certificate: f.proof(finality.Commit, i, b)})
	},
	"evidence": func(f *flooder, i uint32) {
		f.say(&enginev1.Evidence{Evidence: f.evidence(uint64(i))})
		if i > floodLength/2 {
			f.say(&enginev1.Evidence{Evidence: append(someID(i), make([]byte, 10_000)...)})
		}
	},
	"unanswered": func(f *flooder, i uint32) {
		f.say(&enginev1.Unanswered{RequestId: i, Answer: enginev1.Answer(i % 9), Reason: string(make([]byte, 10_000))})
	},
}

// host is what the VM's host does meanwhile.
type host string

const (
	wellHost   host = "a host that answers"
	silentHost host = "a host that has stopped answering"
	noHost     host = "a host that isn't there yet"
)

const floodLength = 800

// TestAFloodOfAnyKindStaysWithinItsBounds has one peer send a lot of every kind of message that engines say to each
// other. Whatever it sends, what the engine keeps stays within its bounds, nothing piles up on the bus, and the query
// of an honest peer is answered at once.
func TestAFloodOfAnyKindStaysWithinItsBounds(t *testing.T) {
	kinds := (&enginev1.PeerMessage{}).ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
	known, hosts := maps.Clone(floods), []host{silentHost, wellHost, noHost}
	if testing.Short() {
		hosts = hosts[:1]
	}
	for i := range kinds.Len() {
		name := string(kinds.Get(i).Name())
		flood := known[name]
		delete(known, name)
		t.Run(name, func(t *testing.T) {
			if flood == nil {
				t.Fatalf("there is no flood of %s: write one, and bound what it makes grow (docs/limits.md)", name)
			}
			for _, h := range hosts {
				for _, from := range []int{1, 200} {
					newFlooder(t, h, from).flood(flood)
				}
			}
		})
	}
	for name := range known {
		t.Errorf("a flood of %s, which no peer sends", name)
	}
}

// flooder is a peer of the first of four validators, one of the others or a stranger. It has the keys of one.
type flooder struct {
	*node
	t      *testing.T
	id     primitives.NodeID
	signer int
	host   host
	root   primitives.Hash
	before uint64 // bytes of heap
}

func newFlooder(t *testing.T, h host, from int) *flooder {
	s := newFixture(t, 4)
	f := &flooder{t: t, node: s.nodes[0], id: primitives.NodeID{byte(from + 1)}, signer: min(from, 3), host: h,
		root: genesisVM}
	f.start()
	for _, o := range s.nodes[1:] {
		f.update(peerConnected(o.id))
	}
	f.update(peerConnected(f.id))
	f.heard(h != noHost)
	for range 100 {
		f.Advance(time.Millisecond)
		f.heard(h != noHost)
	}
	if h != wellHost {
		f.Stall("vm")
	}
	f.before = heap()
	return f
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// say sends a message, and returns what the node says to the peer next.
func (f *flooder) say(m proto.Message) []proto.Message {
	payload, err := seal(f.fixture.chain.ID, m)
	if err != nil {
		f.t.Fatal(err)
	}
	f.update(peerMessage(travelsOn(wrap(m)), f.id, payload))
	return f.heard(f.host == wellHost)[f.id]
}

// heard is what the node says to each peer, while its host answers or not.
func (f *flooder) heard(answers bool) map[primitives.NodeID][]proto.Message {
	said := map[primitives.NodeID][]proto.Message{}
	for sent := f.Sent(); len(sent) > 0; sent = f.Sent() {
		for _, s := range sent {
			to, payload := addressed(s)
			w, _ := open(f.fixture.chain.ID, payload)
			for _, raw := range to {
				n, _ := primitives.NodeIDFrom(raw)
				said[n] = append(said[n], content(w))
			}
			if s.Request && (answers || s.To == "keystore") {
				f.serve(s)
			}
		}
	}
	return said
}

func (f *flooder) flood(flood func(*flooder, uint32)) {
	f.t.Helper()
	for i := range uint32(floodLength) {
		flood(f, i)
		f.Advance(100 * time.Microsecond)
		f.within()
		if i%(floodLength/4) == 0 {
			f.honestIsAnswered(i)
		}
	}
	grown := max(0, int64(heap())-int64(f.before))
	kept := f.kept()
	maps.DeleteFunc(kept, func(_ string, k [2]int) bool { return k[0] == 0 })
	f.t.Logf("%s, peer %d: %d KiB of heap; kept of at most: %v", f.host, f.id[0], grown>>10, kept)
	if ended, err := f.Ended(); ended {
		f.t.Fatalf("%s: the engine ended: %v", f.host, err)
	}
}

// honestIsAnswered asks what an honest validator would, and wants an answer without any time passing.
func (f *flooder) honestIsAnswered(i uint32) {
	f.t.Helper()
	honest := f.fixture.nodes[2].id
	q := &enginev1.PullQuery{RequestId: 1_000_000 + i, ContainerId: genesisVM[:]}
	payload, err := seal(f.fixture.chain.ID, q)
	if err != nil {
		f.t.Fatal(err)
	}
	f.update(peerMessage(ProtocolConsensus, honest, payload))
	for _, m := range f.heard(f.host == wellHost)[honest] {
		a, ok := m.(interface{ GetRequestId() uint32 })
		if ok && a.GetRequestId() == q.GetRequestId() {
			return
		}
	}
	f.t.Fatalf("%s: an honest validator's query isn't answered", f.host)
}

// kept is what the engine keeps, and the most that it may.
func (f *flooder) kept() map[string][2]int {
	e, validators := f.Handler().(*engine), 4
	var core snowman.Status
	if e.driver.started() {
		core = e.driver.core.Status()
	}
	most, owed := snowman.MostKept(validators), 0
	// the peer's account, and that of the key that it has
	two := func(all int) int { return 2 * all / (validators + 1) }
	for _, debts := range e.apps.owed.of {
		owed += len(debts)
	}
	parked, bytes := f.Parked()
	return map[string][2]int{
		"blocks":       {core.Kept.Blocks, two(most.Blocks)},
		"bytes":        {core.Kept.Bytes, two(most.Bytes)},
		"verifying":    {core.Kept.Verifying, two(most.Verifying)},
		"verdicts":     {core.Kept.Verdicts, two(most.Verdicts)},
		"fetches":      {core.Kept.Fetches, two(most.Fetches)},
		"votes":        {core.Kept.Votes, most.Votes},
		"wanted":       {core.Kept.Wanted, most.Wanted},
		"resends":      {core.Kept.Resends, most.Resends},
		"requests":     {core.Requests, 4096},
		"questions":    {len(e.gets.questions.holding), ofValidator},
		"at the host":  {e.gets.questions.asked, maxAtHost},
		"asks":         {f.Open(), maxAtHost + 8}, // the others are this node's own
		"owed":         {owed, appsOfValidator},
		"peers":        {len(e.peers.connected), validators},
		"headers":      {core.Kept.Headers, most.Headers},
		"remembered":   {core.Kept.Remembered, most.Remembered},
		"evidence":     {len(e.witness.keeper.waiting), (validators+1)*waitingOfPeer + waitingOwn},
		"drops":        {len(e.drops.count), 10},
		"queue":        {len(e.executor.queue), 64},
		"parked":       {parked, 0},
		"parked bytes": {bytes, 0},
	}
}

func (f *flooder) within() {
	f.t.Helper()
	for what, k := range f.kept() {
		if k[0] > k[1] {
			f.t.Fatalf("%s, peer %v: %s: %d, at most %d", f.host, f.id[0], what, k[0], k[1])
		}
	}
}

// Blocks of every kind, signed by the validator whose key the peer has.

// block is one that the rules allow at the height above the last accepted block.
func (f *flooder) block(i uint32, size int) *block.Block {
	order := proposer.Order(f.fixture.set, f.fixture.chain, 1)
	rank, _ := proposer.Rank(order, f.signer)
	slot := uint64(rank) + uint64(i%40)*uint64(len(order))
	at := uint64(f.Runtime.Now().UnixMilli())
	return f.sign(block.Header{Height: 1, Parent: f.root, Slot: slot, Time: at + slot*50}, i, size)
}

// orphan is one whose parent nobody has.
func (f *flooder) orphan(i uint32, size int) *block.Block {
	parent, _ := primitives.HashFrom(someID(i))
	return f.sign(block.Header{Height: 2 + uint64(i%400), Parent: parent}, i, size)
}

// early is one whose time will not come.
func (f *flooder) early(i uint32, size int) *block.Block {
	b := f.block(i, size)
	h := b.Header
	h.Time = 1 << 60
	return f.sign(h, i, size)
}

func (f *flooder) forged(i uint32, size int) *block.Block {
	h := f.block(i, size).Header
	b, err := block.New(f.fixture.chain, h, block.Body(nil, make([]byte, size)), make([]byte, ed25519.SignatureSize))
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

func (f *flooder) sign(h block.Header, i uint32, size int) *block.Block {
	h.Proposer = uint32(f.signer)
	body := block.Body(nil,
		makeVMBlock(f.root[:], h.Height, string(append(someID(i), make([]byte, size)...))).GetContent())
	payload, err := h.Payload(f.fixture.chain, primitives.HashOf(body)).Encode()
	if err != nil {
		f.t.Fatal(err)
	}
	b, err := block.New(f.fixture.chain, h, body, ed25519.Sign(f.fixture.nodes[f.signer].key, payload))
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// evidence is that the validator whose key the peer has voted twice at a height, which it did.
func (f *flooder) evidence(height uint64) []byte {
	var twice [2]finality.Signed
	for i := range twice {
		v, err := voteFrom(f.votes(height, 0, 1, someID(uint32(i))).GetVotes()[0])
		if err != nil {
			f.t.Fatal(err)
		}
		twice[i] = v
	}
	chain := f.fixture.chain
	key := f.fixture.set.At(f.signer).Key
	e, err := evidence.OfVotes(chain.NetworkID, chain.ID, height, key, twice[0], twice[1])
	if err != nil {
		f.t.Fatal(err)
	}
	return e.Encode()
}

// votes is one vote of the validator whose key the peer has.
func (f *flooder) votes(height uint64, round, phase uint32, id []byte) *enginev1.Votes {
	block, _ := primitives.HashFrom(id)
	payload, err := signbytes.Vote{
		NetworkID: f.fixture.chain.NetworkID, ChainID: f.fixture.chain.ID, Height: height, Round: round,
		Phase: signbytes.Phase(phase), Block: block,
	}.Encode()
	if err != nil {
		f.t.Fatal(err)
	}
	return &enginev1.Votes{Height: height, Votes: []*enginev1.Vote{{
		Validator: uint32(f.signer), Round: round, Phase: enginev1.Phase(phase), BlockId: id,
		Signature: ed25519.Sign(f.fixture.nodes[f.signer].key, payload),
	}}}
}

// proof is one that all have signed, as it says.
func (f *flooder) proof(phase finality.Phase, round uint32, b *block.Block) []byte {
	p := &finality.Proof{Phase: phase, Round: round, Block: b.ID()}
	for i := range f.fixture.set.Len() {
		p.Votes = append(p.Votes, finality.Signature{Validator: i})
	}
	return p.Encode(b.Height)
}

func someID(i uint32) []byte {
	id := primitives.HashOf(binary.BigEndian.AppendUint32(nil, i))
	return id[:]
}

func someIDs(i uint32, count int) (ids [][]byte) {
	for k := range uint32(count) {
		ids = append(ids, someID(1000*i+k))
	}
	return ids
}

// TestEveryMessageTravelsOnTheLaneThatTheProtocolNames compares the engine's own list with the protocol's.
func TestEveryMessageTravelsOnTheLaneThatTheProtocolNames(t *testing.T) {
	lanes := map[optionsv1.Lane]string{}
	for _, p := range Part().Protocols {
		lanes[p.Lane] = p.Name
	}
	w := (&enginev1.PeerMessage{}).ProtoReflect()
	kinds := w.Descriptor().Oneofs().ByName("kind").Fields()
	for i := range kinds.Len() {
		kind := kinds.Get(i)
		w.Set(kind, w.NewField(kind))
		v, _ := proto.GetExtension(kind.Message().Options(), optionsv1.E_Variant).(*optionsv1.Variant)
		got := travelsOn(w.Interface().(*enginev1.PeerMessage))
		if v != nil && v.GetLane() != optionsv1.Lane_LANE_UNSPECIFIED && got != lanes[v.GetLane()] {
			t.Errorf("%s travels on %s, the protocol says %s", kind.Name(), got, lanes[v.GetLane()])
		}
	}
}

func TestAMessageOnAnotherLaneThanItsOwnIsAFault(t *testing.T) {
	s := newFixture(t, 1).start()
	s.pass(50 * time.Millisecond)
	st := newStranger(s)
	wire, err := seal(s.chain.ID, &enginev1.GetAncestors{RequestId: 1, ContainerId: someID(1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range protocols {
		st.costs[st.id] = 0
		answers := st.sendOn(p, wire)
		if own := p == ProtocolBulk; (len(answers) == 1) != own || (st.costs[st.id] == 0) != own {
			t.Errorf("on %s it costs %d and is answered with %v", p, st.costs[st.id], answers)
		}
	}
}
