package availabilitydistribution

import (
	"testing"

	"github.com/reevenet/reeve/internal/bus/decode"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

func TestWhoAsksIsServedFromTheStoreWithTheProof(t *testing.T) {
	w := start(t, 4, 1)
	p := w.para(1, 1000)
	w.holds(p, 1)
	w.asks(3, p, 1, 0, distributionv1.MaxPart)
	w.asks(3, p, 1, 500, distributionv1.MaxPart)
	w.asks(3, p, 1, 1<<40, 1)
	w.asks(3, p, 2, 0, 1)
	size := len(p.coded.Chunk(1).Bytes)
	if size != 576 {
		t.Fatalf("a chunk has %d bytes", size)
	}
	w.told("to 3: 576 of 576 bytes, 2 hashes", "to 3: 76 of 576 bytes, 0 hashes", "to 3: 0 of 576 bytes, 0 hashes",
		"to 3: 0 of 0 bytes, 0 hashes")
}

// A10 and A11: what is asked and answered is one chunk for one question; nothing is sent that nobody has asked for.
func TestAQuestionThatIsNoneCosts(t *testing.T) {
	w := start(t, 4, 1)
	p := w.para(1, 1000)
	for _, payload := range [][]byte{
		[]byte("nonsense"), nil, marshal(&distributionv1.PartRequest{Candidate: p.id[:31], Length: 1}),
		marshal(&distributionv1.PartRequest{Candidate: p.id[:]}),
		marshal(&distributionv1.PartRequest{Candidate: p.id[:], Length: distributionv1.MaxPart + 1}),
	} {
		w.request(2, payload)
		w.told("report 2: -500 a question for a chunk that can't be read", "refuse 2: 1")
	}
}

func TestAStoreThatIsAwayIsNoAnswer(t *testing.T) {
	w := start(t, 4, 1)
	w.broken = true
	w.asks(2, w.para(1, 100), 1, 0, 1)
	w.told("refuse 2: 3")
}

// The parts of a chunk are read once.
func TestAChunkThatIsAskedForInPartsIsReadOnce(t *testing.T) {
	w := start(t, 1, 0)
	p := w.para(1, 5<<20)
	w.holds(p, 0)
	for offset := range 6 {
		w.asks(3, p, 0, offset<<20, distributionv1.MaxPart)
	}
	if w.reads != 1 || len(w.story) != 6 {
		t.Errorf("it was read %d times; %q", w.reads, w.story)
	}
	w.story = nil
	w.Advance(shelfTime)
	w.asks(3, p, 0, 0, 1)
	if w.told("to 3: 1 of 5242944 bytes, 0 hashes"); w.reads != 2 {
		t.Errorf("it was read %d times", w.reads)
	}
}

func FuzzWhatPeersSay(f *testing.F) {
	p := paraOf(f, 1, 100, 4)
	f.Add(marshal(&distributionv1.PartRequest{Candidate: p.id[:], Length: 1}))
	f.Add(marshal(p.part(1, 0)))
	f.Add(marshal(pushedOf(p, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var q distributionv1.PartRequest
		var part distributionv1.Part
		var pushed distributionv1.Pushed
		if decode.Unmarshal(b, &q, questionBudget) == nil {
			partOf(p.coded.Chunk(1), q.GetOffset(), q.GetLength())
		}
		if decode.Unmarshal(b, &part, partBudget) == nil {
			w := start(t, 4, 3, 0)
			w.peers[0] = func(q *distributionv1.PartRequest) *distributionv1.Part { return &part }
			w.leaf(leafA, 1, w.para(1, 100))
		}
		if decode.Unmarshal(b, &pushed, pushBudget) == nil {
			w := start(t, 4, 3)
			w.message(1, b)
			w.leaf(leafA, 1, w.para(1, 100))
		}
		w := start(t, 4, 3)
		w.request(1, b)
		w.event(&nbv1.NetworkBridgeEvent{})
	})
}
