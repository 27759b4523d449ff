package wire

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

func drawID(t *rapid.T, name string) (id ID) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
	return id
}

func drawEnvelope(t *rapid.T) *Envelope {
	number, bytesOf, name := rapid.Uint64(), rapid.SliceOf(rapid.Byte()), rapid.StringN(0, 20, 60)
	e := &Envelope{
		Kind: Kind(rapid.IntRange(0, int(kinds)-1).Draw(t, "kind")),
		Lane: Lane(rapid.IntRange(0, int(LaneCount)-1).Draw(t, "lane")),
		More: rapid.Bool().Draw(t, "more"), Attempt: rapid.Uint32().Draw(t, "attempt"), ID: drawID(t, "id"),
		From: name.Draw(t, "from"), To: name.Draw(t, "to"), SignalSeq: number.Draw(t, "signal"),
		TimeoutMicros: number.Draw(t, "timeout"), Generation: number.Draw(t, "generation"),
		RoutingKey: bytesOf.Draw(t, "key"), Traceparent: name.Draw(t, "trace"), Reply: bytesOf.Draw(t, "reply"),
		Causation: drawID(t, "causation"), Correlation: drawID(t, "correlation"), Chain: name.Draw(t, "chain"),
	}
	if rapid.Bool().Draw(t, "failed") {
		code := overseerv1.Failure_Code(rapid.IntRange(1, 9).Draw(t, "code"))
		e.Failure = &Failure{Code: code, Message: name.Draw(t, "why"), Detail: rapid.Int32().Draw(t, "detail")}
	}
	if rapid.Bool().Draw(t, "message") {
		e.Message = AppendVariant(nil, 1, 1, []byte{10, 1, 7, 24, 5})
	}
	return e
}

// The protocol's own type is the judge: what we write it must read as the same values, and the other way round.
func TestEnvelopeIsTheProtocols(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnvelope(t)
		ours := AppendEnvelope(nil, e)
		var theirs overseerv1.Envelope
		if err := proto.Unmarshal(ours, &theirs); err != nil {
			t.Fatal(err)
		}
		if uint64(theirs.Kind) != uint64(e.Kind) || theirs.From != e.From || theirs.More != e.More ||
			theirs.SignalSequence != e.SignalSeq || !bytes.Equal(theirs.RoutingKey, e.RoutingKey) ||
			(theirs.Message != nil) != (e.Message != nil) {
			t.Fatalf("%+v was read as %v", e, &theirs)
		}
		again, err := proto.Marshal(&theirs)
		if err != nil {
			t.Fatal(err)
		}
		var back Envelope
		if err := ParseEnvelope(again, &back, Names{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*e, back, protocmp.Transform(),
			cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) })); diff != "" {
			t.Fatalf("came back different (-sent +read):\n%s", diff)
		}
	})
}

// A payload that is encoded in its place makes the same frame as one that was encoded before.
func TestAPayloadMayBeEncodedInItsPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnvelope(t)
		e.Message, e.Reply, e.Failure = nil, nil, nil
		payload := rapid.SliceOfN(rapid.Byte(), 1, 3000).Draw(t, "payload")
		before := rapid.SliceOf(rapid.Byte()).Draw(t, "before")
		around, whole := Batch{Bytes: bytes.Clone(before)}, Batch{Bytes: bytes.Clone(before)}
		in := func(b []byte) ([]byte, error) { return append(b, payload...), nil }
		if err := around.EnvelopeAround(TagToEnvelope, e, len(payload), in); err != nil {
			t.Fatal(err)
		}
		if e.Kind == Reply {
			e.Reply = payload
		} else {
			e.Message = payload
		}
		whole.Envelope(TagToEnvelope, e)
		if !bytes.Equal(around.Bytes, whole.Bytes) {
			t.Fatalf("%x is not\n%x", around.Bytes, whole.Bytes)
		}
		if err := around.EnvelopeAround(TagToEnvelope, e, len(payload)+1, in); err == nil {
			t.Fatal("another length than was announced went through")
		}
		if !bytes.Equal(around.Bytes, whole.Bytes) {
			t.Fatal("what failed left something behind")
		}
	})
}

func TestBatchIsTheProtocols(t *testing.T) {
	e := &Envelope{Kind: Request, From: "engine", ID: NewID(7, 9), Message: AppendVariant(nil, 1, 3, []byte{10, 0})}
	p := Processed{SignalSeq: 4}
	p.Lanes[LaneConsensus] = 300
	var b Batch
	b.Envelope(TagFromEnvelope, e)
	b.Frame(TagProcessed, p.Append(nil))
	var req overseerv1.AttachRequest
	if err := proto.Unmarshal(b.Bytes, &req); err != nil {
		t.Fatal(err)
	}
	if len(req.Frames) != 2 || req.Frames[0].GetEnvelope().GetFrom() != "engine" ||
		req.Frames[1].GetProcessed().GetLanes()[0].GetCount() != 300 {
		t.Fatalf("read as %v", &req)
	}
	if n, err := 0, Frames(b.Bytes, func(tag Tag, body []byte) error {
		if tag == TagProcessed {
			got, err := ParseProcessed(body)
			if err != nil || got != p {
				t.Errorf("processed came back as %+v, %v", got, err)
			}
		}
		return nil
	}); err != nil || n != 0 {
		t.Fatal(err)
	}
}

func TestCreditIsTheProtocols(t *testing.T) {
	edges := []EdgeCredit{
		{To: "vm", Lane: LaneBulk, Messages: 3, Bytes: 900},
		{To: "pool", Lane: LaneGossip, Messages: 2, Bytes: 1, Finished: []uint64{5, 1 << 60}, Chain: "kv"},
	}
	var c overseerv1.Credit
	if err := proto.Unmarshal(AppendCredit(nil, edges), &c); err != nil {
		t.Fatal(err)
	}
	if c.Edges[0].Lane != optionsv1.Lane_LANE_BULK || c.Edges[1].Finished[1] != 1<<60 {
		t.Fatalf("read as %v", &c)
	}
	b, _ := proto.Marshal(&c)
	back, err := ParseCredit(b)
	if diff := cmp.Diff(edges, back); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
}

func TestVariantReadsTheTwoTags(t *testing.T) {
	all := &overseerv1.AllMessages{Kind: &overseerv1.AllMessages_Overseer{Overseer: &overseerv1.OverseerMessage{
		Kind: &overseerv1.OverseerMessage_BlockAccepted{BlockAccepted: &overseerv1.BlockAccepted{Number: 12}}}}}
	b, _ := proto.Marshal(all)
	sub, variant, body, err := Variant(b)
	if err != nil || sub != 1 || variant != 2 {
		t.Fatalf("subsystem %d, variant %d, %v", sub, variant, err)
	}
	if again := AppendVariant(nil, sub, variant, body); !bytes.Equal(again, b) {
		t.Fatalf("%x became %x", b, again)
	}
}

func FuzzFrames(f *testing.F) {
	var b Batch
	message := AppendVariant(nil, 1, 3, []byte{10, 0})
	b.Envelope(TagFromEnvelope, &Envelope{Kind: Request, From: "engine", ID: NewID(7, 9), Message: message})
	f.Add(b.Bytes)
	f.Add([]byte{10, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = Frames(data, func(tag Tag, body []byte) error {
			var e Envelope
			if ParseEnvelope(body, &e, Names{}) == nil {
				_, _, _, _ = Variant(e.Message)
				var back Envelope
				if err := ParseEnvelope(AppendEnvelope(nil, &e), &back, Names{}); err != nil {
					t.Fatalf("what we write we must read: %v", err)
				}
			}
			_, _ = ParseProcessed(body)
			_, _ = ParseCredit(body)
			return nil
		})
	})
}
