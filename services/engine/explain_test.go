package engine

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// why asks a node what it remembers.
func (n *node) why(q *enginev1.QueryHeight) *enginev1.QueryHeightResponse {
	n.fixture.t.Helper()
	a := n.Ask("gateway", q)
	r, ok := a.Reply.(*enginev1.QueryHeightResponse)
	if !ok {
		n.fixture.t.Fatalf("answered with %v, %v", a.Reply, a.Err)
	}
	return r
}

func TestWhoAsksWhyABlockWasDecidedIsToldWhoVotedWhen(t *testing.T) {
	s := begun(t)
	for _, n := range s.nodes {
		n.offer("hello")
	}
	s.until(5*time.Second, s.allAt(1))
	s.pass(100 * time.Millisecond)
	n := s.nodes[0]
	id := n.accepted[0].GetBlockId()
	r := n.why(&enginev1.QueryHeight{BlockId: id})
	if r.GetHeight() != 1 || r.GetState() != enginev1.BlockState_BLOCK_STATE_ACCEPTED || r.GetStanding() != nil {
		t.Fatalf("%v", r)
	}
	if len(r.GetBlocks()) != 1 || primitives.Hash(r.GetBlocks()[0].GetBlockId()) != primitives.Hash(id) {
		t.Errorf("issued: %v", r.GetBlocks())
	}
	votes := map[uint32]int{}
	for _, v := range r.GetVotes() {
		votes[v.GetVote().GetValidator()]++
		if v.GetSeen() == nil || primitives.Hash(v.GetVote().GetBlockId()) != primitives.Hash(id) {
			t.Errorf("%v", v)
		}
	}
	if !maps.Equal(votes, map[uint32]int{0: 2, 1: 2, 2: 2, 3: 2}) {
		t.Errorf("votes by validator: %v", votes)
	}
	height, p, err := finality.DecodeProof(r.GetCertificate())
	if err != nil || height != 1 || len(p.Votes) != 3 || r.GetDecided() == nil || r.GetDurable() == nil {
		t.Errorf("certificate of height %d: %v, %v", height, p, err)
	}
	if r.GetCertificates() != 1 || len(r.GetAbsences()) != 4 {
		t.Errorf("%v are missing from %d certificates", r.GetAbsences(), r.GetCertificates())
	}
	if same := n.why(&enginev1.QueryHeight{Height: 1}); len(same.GetVotes()) != 8 || same.GetState() != 0 {
		t.Errorf("by height: %v", same)
	}
	if r := n.why(&enginev1.QueryHeight{BlockId: make([]byte, 32)}); r.GetHeight() != 0 || len(r.GetVotes()) != 0 {
		t.Errorf("of an unknown block: %v", r)
	}
}

func TestWhoAsksWhyNothingIsDecidedIsToldWhoseVotesAreMissing(t *testing.T) {
	s := begun(t)
	n := s.nodes[0]
	if r := n.why(&enginev1.QueryHeight{}); r.GetHeight() != 1 || r.GetStanding() == nil || r.GetStanding().GetBegun() {
		t.Fatalf("an idle chain: %v", r)
	}
	x := primitives.Hash{1}
	n.says(s.nodes[1].id, votesOf(1, []finality.Signed{s.nodes[1].vote(1, finality.Prepare, x)}))
	n.says(s.nodes[2].id, votesOf(1, []finality.Signed{s.nodes[2].vote(1, finality.Prepare, x)}))
	at := n.why(&enginev1.QueryHeight{BlockId: x[:]})
	if at.GetHeight() != 1 || at.GetState() != 0 || len(at.GetVotes()) != 2 {
		t.Fatalf("a block that only votes name: %v", at)
	}
	if st := at.GetStanding(); !st.GetBegun() || !slices.Equal(st.GetSilent(), []uint32{0, 3}) {
		t.Errorf("%v", st)
	}
	if n.Number("votes-missing") != 2 || n.Number("round") != 0 {
		t.Errorf("%v", n.Status())
	}
}

func TestAnEngineThatHasNotBegunSaysSo(t *testing.T) {
	s := newFixture(t, 1)
	s.nodes[0].start()
	if a := s.nodes[0].Ask("gateway", &enginev1.QueryHeight{Height: 1}); a.Err == nil {
		t.Errorf("answered with %v", a.Reply)
	}
}

func TestWhoIsMissingFromCertificatesIsToldNowAndThen(t *testing.T) {
	s := newFixture(t, 4)
	told := map[primitives.NodeID]int{}
	calls, of := 0, 0
	s.nodes[0].absences = func(n primitives.NodeID, missing, certificates int) {
		told[n], of = missing, certificates
		calls++
	}
	s.start().pass(50 * time.Millisecond)
	gone := s.nodes[3]
	s.nodes = s.nodes[:3]
	for round := 1; round <= 3; round++ {
		for _, n := range s.nodes {
			n.offer("tx " + string(rune('a'+round)))
		}
		s.until(10*time.Second, s.allAt(round))
	}
	s.pass(2 * absencesEvery)
	if told[gone.id] != 3 || of != 3 || told[s.nodes[0].id] != 0 || calls > 3*4 {
		t.Errorf("told %d times: %v of %d", calls, told, of)
	}
}
