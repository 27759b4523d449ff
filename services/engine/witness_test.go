package engine

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proof"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	store "github.com/reevenet/reeve/internal/store/evidence"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// In these stories the last of four validators signs twice, or says that others did. The test speaks for it; the engine
// that has its key is honest and hears of it, too.

// says has a node told something in a peer's name.
func (n *node) says(from primitives.NodeID, m proto.Message) {
	n.fixture.t.Helper()
	payload, err := seal(n.fixture.chain.ID, m)
	if err != nil {
		n.fixture.t.Fatal(err)
	}
	n.update(peerMessage(travelsOn(wrap(m)), from, payload))
}

// vote is what a node's key signs for a block at a height.
func (n *node) vote(height uint64, phase finality.Phase, block primitives.Hash) finality.Signed {
	i, _ := n.fixture.set.Index(n.id)
	v := finality.Vote{Validator: i, Phase: phase, Block: block}
	payload, err := v.Payload(n.fixture.chain.NetworkID, n.fixture.chain.ID, height).Encode()
	if err != nil {
		n.fixture.t.Fatal(err)
	}
	return finality.Signed{Vote: v, Signature: [64]byte(ed25519.Sign(n.key, payload))}
}

// double is what a node's key signs if it votes for two blocks at a height.
func (n *node) double(height uint64) *evidence.Evidence {
	s := n.fixture
	a, b := n.vote(height, finality.Commit, primitives.Hash{1}), n.vote(height, finality.Commit, primitives.Hash{2})
	e, err := evidence.OfVotes(s.chain.NetworkID, s.chain.ID, height, n.key.Public().(ed25519.PublicKey), a, b)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// twin is a block of the node's for the first height; the text tells it from others for its slot.
func (n *node) twin(text string, sign func(key ed25519.PrivateKey, payload []byte) []byte) *block.Block {
	s := n.fixture
	i, _ := s.set.Index(n.id)
	rank, _ := proposer.Rank(proposer.Order(s.set, s.chain, 1), i)
	h := block.Header{
		Height: 1, Parent: genesisVM, Slot: uint64(rank), Proposer: uint32(i),
		Time: uint64(n.Runtime.Now().UnixMilli()) + uint64(rank)*50,
	}
	body := block.Body(nil, makeVMBlock(genesisVM[:], 1, text).GetContent())
	payload, err := h.Payload(s.chain, primitives.HashOf(body)).Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := block.New(s.chain, h, body, sign(n.key, payload))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// evidence is what is on a node's disk.
func (n *node) evidence() (list []*evidence.Evidence) {
	n.fixture.t.Helper()
	files, err := store.List(n.disk.Process(), evidenceDir)
	if err != nil {
		n.fixture.t.Fatal(err)
	}
	for _, f := range files {
		if f.Err != nil {
			n.fixture.t.Error(f.Err)
		}
		list = append(list, f.Evidence)
	}
	return list
}

// accuses checks that a node's disk has evidence against one validator alone, of so many heights.
func (n *node) accuses(who *node, heights int) {
	n.fixture.t.Helper()
	list := n.evidence()
	if len(list) != heights || n.Number("evidence") != int64(heights) {
		n.fixture.t.Errorf("node %d has %v on its disk, and says %d", n.id[0], list, n.Number("evidence"))
	}
	for _, e := range list {
		i, err := e.Check(n.fixture.chain.NetworkID, n.fixture.chain.ID, n.fixture.set)
		if err != nil || n.fixture.set.Node(i) != who.id {
			n.fixture.t.Errorf("node %d has evidence against validator %d: %v", n.id[0], i, err)
		}
	}
}

// signAgain signs a payload with a nonce that isn't ed25519's own, which gives another signature that holds. The nonce
// is another key's secret, so its point is that key.
func signAgain(key ed25519.PrivateKey, payload []byte) []byte {
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0xaa}, ed25519.SeedSize))
	point := other.Public().(ed25519.PublicKey)
	hash := sha512.Sum512(slices.Concat(point, key.Public().(ed25519.PublicKey), payload))
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	s := new(big.Int).Mul(little(hash[:]), secretOf(key))
	s.Add(s, secretOf(other)).Mod(s, order)
	scalar := s.FillBytes(make([]byte, 32))
	slices.Reverse(scalar)
	return append(bytes.Clone(point), scalar...)
}

// secretOf is a key's secret scalar (RFC 8032, section 5.1.5).
func secretOf(key ed25519.PrivateKey) *big.Int {
	h := sha512.Sum512(key.Seed())
	h[0] &= 248
	h[31] = h[31]&127 | 64
	return little(h[:32])
}

func little(b []byte) *big.Int {
	b = bytes.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// begun are four validators that have begun.
func begun(t *testing.T) *fixture {
	s := newFixture(t, 4).start()
	s.pass(50 * time.Millisecond)
	return s
}

func TestADoubleVoterIsWrittenDownAndAllHearOfItOnce(t *testing.T) {
	s := begun(t)
	liar := s.nodes[3]
	a, b := liar.vote(1, finality.Prepare, primitives.Hash{1}), liar.vote(1, finality.Prepare, primitives.Hash{2})
	for range 3 {
		s.nodes[0].says(liar.id, votesOf(1, []finality.Signed{a, b}))
		s.settle()
	}
	for _, n := range s.nodes[:3] {
		n.accuses(liar, 1)
	}
	if told := s.told["evidence"]; told != 4 { // the first tells two, who tell each other
		t.Errorf("it was told %d times", told)
	}
	if len(liar.evidence()) != 0 {
		t.Error("the one that it is against was told, too")
	}
	if e := s.nodes[1].evidence()[0]; !strings.Contains(e.Place().String(), "prepare vote of height 1, round 0") {
		t.Errorf("it is about %s", e.Place())
	}
	s.pass(2 * time.Second)
	for _, n := range s.nodes {
		n.offer("the chain goes on")
	}
	s.until(5*time.Second, s.allAt(1))
}

func TestAProposerOfTwoBlocksForASlotIsWrittenDown(t *testing.T) {
	s := begun(t)
	liar := s.nodes[3]
	for i, text := range []string{"one", "two"} {
		s.nodes[0].says(liar.id,
			&enginev1.PushQuery{RequestId: uint32(i), Container: liar.twin(text, ed25519.Sign).Bytes()})
		s.settle()
	}
	for _, n := range s.nodes[:3] {
		n.accuses(liar, 1)
	}
	if e := s.nodes[2].evidence()[0]; !strings.Contains(e.Place().String(), "block of height 1") {
		t.Errorf("it is about %s", e.Place())
	}
}

// Ed25519 lets whoever has the key sign one payload in many ways. That is odd, and no fault.
func TestOneBlockSignedTwiceIsNoEvidence(t *testing.T) {
	s := begun(t)
	liar := s.nodes[3]
	one, again := liar.twin("one", ed25519.Sign), liar.twin("one", signAgain)
	if one.ID() == again.ID() || !again.Verify(s.chain, liar.key.Public().(ed25519.PublicKey)) {
		t.Fatal("the test doesn't test it")
	}
	for i, b := range []*block.Block{one, again} {
		s.nodes[0].says(liar.id, &enginev1.PushQuery{RequestId: uint32(i), Container: b.Bytes()})
		s.settle()
	}
	for _, n := range s.nodes {
		n.accuses(liar, 0)
	}
}

func TestEvidenceThatAPeerBringsIsCheckedAndHandedOn(t *testing.T) {
	s := begun(t)
	liar := s.nodes[3]
	e := liar.double(9)
	stranger := primitives.NodeID{77}
	for range 5 {
		s.nodes[0].says(stranger, &enginev1.Evidence{Evidence: e.Encode()})
		s.settle()
	}
	for _, n := range s.nodes[:3] {
		n.accuses(liar, 1)
	}
	// Another fault at that height says nothing new.
	other, err := evidence.OfVotes(s.chain.NetworkID, s.chain.ID, 9, liar.key.Public().(ed25519.PublicKey),
		liar.vote(9, finality.Prepare, primitives.Hash{1}), liar.vote(9, finality.Prepare, primitives.Hash{2}))
	if err != nil {
		t.Fatal(err)
	}
	before := s.told["evidence"]
	s.nodes[1].says(stranger, &enginev1.Evidence{Evidence: other.Encode()})
	s.settle()
	if s.nodes[1].accuses(liar, 1); s.told["evidence"] != before || before != 4 {
		t.Errorf("it was told %d times, then %d", before, s.told["evidence"])
	}
	if len(s.nodes[0].costs) != 0 {
		t.Errorf("it costs %v", s.nodes[0].costs)
	}
}

func TestWhatProvesNothingCostsWhoBringsIt(t *testing.T) {
	s := begun(t)
	good := s.nodes[3].double(9).Encode()
	forged, elsewhere := bytes.Clone(good), newFixture(t, 4)
	forged[len(forged)-1] ^= 1
	elsewhere.chain.ID = primitives.Hash{'x'}
	stranger := newFixture(t, 9).nodes[8].double(9).Encode()
	for what, raw := range map[string][]byte{
		"nothing": nil, "garbage": []byte("garbage"), "half of it": good[:len(good)/2], "a forged signature": forged,
		"another chain's": elsewhere.nodes[3].double(9).Encode(), "a stranger's double vote": stranger,
		"much garbage": make([]byte, 1<<20),
	} {
		from := primitives.NodeID{200, byte(len(what))}
		s.pass(time.Second)
		s.nodes[0].says(from, &enginev1.Evidence{Evidence: raw})
		s.settle()
		if s.nodes[0].costs[from] < costUndecodable {
			t.Errorf("%s costs %d", what, s.nodes[0].costs[from])
		}
	}
	s.nodes[0].accuses(s.nodes[3], 0)
	if s.told["evidence"] != 0 {
		t.Error("it was handed on")
	}
}

// Whoever has a key can make as much evidence against it as it likes, and all of it holds.
func TestAFloodOfEvidenceIsCheckedAFewPiecesASecond(t *testing.T) {
	s := begun(t)
	flood := func(from primitives.NodeID, first uint64) {
		for i := range uint64(200) {
			s.nodes[0].says(from, &enginev1.Evidence{Evidence: s.nodes[3].double(first + i).Encode()})
		}
		s.settle()
	}
	flood(primitives.NodeID{77}, 1000)
	flood(primitives.NodeID{78}, 2000) // strangers share what one has
	s.nodes[0].accuses(s.nodes[3], evidenceAtOnce)
	s.nodes[0].says(s.nodes[1].id, &enginev1.Evidence{Evidence: s.nodes[2].double(9).Encode()})
	s.settle()
	if got := len(s.nodes[0].evidence()); got != evidenceAtOnce+1 {
		t.Errorf("with a validator's there are %d", got)
	}
	s.pass(time.Second)
	flood(primitives.NodeID{78}, 3000)
	if got := len(s.nodes[0].evidence()); got > 2*evidenceAtOnce+1 || got <= evidenceAtOnce+1 {
		t.Errorf("a second later there are %d", got)
	}
}

func TestEvidenceOutlivesTheEngineAndIsToldNoMore(t *testing.T) {
	s := begun(t)
	liar, n := s.nodes[3], s.nodes[0]
	n.says(liar.id, &enginev1.Evidence{Evidence: liar.double(9).Encode()})
	s.settle()
	told := s.told["evidence"]
	n.disk.Crash()
	n.start()
	for _, o := range s.nodes[1:] {
		n.update(peerConnected(o.id))
	}
	s.settle()
	n.accuses(liar, 1)
	n.says(s.nodes[1].id, &enginev1.Evidence{Evidence: liar.double(9).Encode()})
	s.settle()
	if n.accuses(liar, 1); s.told["evidence"] != told {
		t.Errorf("after a restart it is told again")
	}
}

// certify has so many validators sign commit votes for a block.
func (s *fixture) certify(height uint64, id primitives.Hash, signers ...int) []byte {
	p := &finality.Proof{Phase: finality.Commit, Block: id}
	for _, i := range signers {
		v := s.nodes[i].vote(height, finality.Commit, id)
		p.Votes = append(p.Votes, finality.Signature{Validator: v.Validator, Signature: v.Signature})
	}
	return p.Encode(height)
}

// Three of four sign what contradicts what they have decided before.
func TestANodeThatSeesTwoDecisionsWritesDownWhoSignedBothAndStops(t *testing.T) {
	s := begun(t)
	for _, n := range s.nodes {
		n.offer("hello")
	}
	s.until(5*time.Second, s.allAt(1))
	s.pass(100 * time.Millisecond)
	n, other := s.nodes[0], s.nodes[3].twin("another", ed25519.Sign)
	certificate := s.certify(1, other.ID(), 1, 2, 3)
	n.says(primitives.NodeID{77}, &enginev1.Certified{Container: other.Bytes(), Certificate: certificate})
	n.Advance(mostFinish / 2)
	ended, err := n.Ended()
	if !ended || errcode.Of(err) != errcode.SafetyHalt || !strings.Contains(err.Error(), other.ID().Short()) {
		t.Fatalf("ended %v with %v", ended, err)
	}
	accused := map[primitives.Hash]bool{}
	for _, e := range n.evidence() {
		accused[primitives.Hash(e.Key())] = e.Place().Height == 1
	}
	if len(accused) != 3 {
		t.Errorf("%d validators are accused", len(accused))
	}
	name := fmt.Sprintf("1-%s%s", other.ID(), store.ProofSuffix)
	raw, err := disk.ReadFile(n.disk.Process(), filepath.Join(evidenceDir, name), int64(proof.MaxSize))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := proof.Decode(raw); err != nil || p.Verify(s.chain, s.set) != nil || p.Header.ID() != other.ID() {
		t.Errorf("%v, %v", p, err)
	}
}

func TestANodeStopsInTimeThoughItsDiskDoesNotAnswer(t *testing.T) {
	s := begun(t)
	for _, n := range s.nodes {
		n.offer("hello")
	}
	s.until(5*time.Second, s.allAt(1))
	n, other := s.nodes[0], s.nodes[3].twin("another", ed25519.Sign)
	n.disk.SetFault(func(op simdisk.Op) error { return syscall.EIO })
	certificate := s.certify(1, other.ID(), 1, 2, 3)
	n.says(primitives.NodeID{77}, &enginev1.Certified{Container: other.Bytes(), Certificate: certificate})
	n.offer("nothing more is decided")
	for range 2 * mostFinish / time.Millisecond {
		n.Advance(time.Millisecond)
		if ended, err := n.Ended(); ended {
			if errcode.Of(err) != errcode.SafetyHalt || len(n.accepted) != 1 {
				t.Errorf("ended at height %d with %v", len(n.accepted), err)
			}
			return
		}
		for _, sent := range n.Sent() {
			n.serve(sent)
		}
	}
	t.Error("it goes on")
}

// A node goes on without its disk, keeps few pieces in memory until it is back, and drops the rest.
func TestADiskThatFailsDelaysEvidenceAndNothingElse(t *testing.T) {
	s := begun(t)
	liar, n := s.nodes[3], s.nodes[0]
	n.disk.SetFault(func(op simdisk.Op) error {
		if op.Kind == simdisk.Write {
			return syscall.EIO
		}
		return nil
	})
	for i := range uint64(20) {
		n.says(s.nodes[1].id, &enginev1.Evidence{Evidence: liar.double(100 + i).Encode()})
		s.pass(60 * time.Millisecond)
	}
	e := n.Handler().(*engine)
	if kept := len(e.witness.keeper.waiting); kept != waitingOfPeer || s.told["evidence"] != 0 {
		t.Errorf("%d pieces wait, %d were told", kept, s.told["evidence"])
	}
	for _, n := range s.nodes {
		n.offer("the chain goes on")
	}
	s.until(5*time.Second, s.allAt(1))
	n.disk.SetFault(nil)
	s.pass(2 * evidenceRetry)
	n.accuses(liar, waitingOfPeer)
}
