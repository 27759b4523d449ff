package collator

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
)

func TestForSoManyParasIsCollated(t *testing.T) {
	w := bare(t)
	for p := range uint32(maxParas) {
		w.collate(p)
	}
	if a := w.collate(maxParas); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Error(a.Err)
	}
}

func TestSoManyFollowCollations(t *testing.T) {
	w := start(t)
	first := w.watch(para)
	for range maxWatchers - 1 {
		w.watch(para)
	}
	if a := w.watch(para); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Error(a.Err)
	}
	first.Cancel()
	if a := w.watch(para); a.Err != nil {
		t.Error(a.Err)
	}
}

func TestSoManySubmissionsWaitForOneSignature(t *testing.T) {
	w := start(t)
	w.hold("SignCollation")
	for range maxWatchers {
		w.hands(w.submission(parent, "pov"))
	}
	if a := w.hands(w.submission(parent, "pov")); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Error(a.Err)
	}
}

// Of more collations than are remembered the oldest are given up, and whoever follows them is told.
func TestSoManyCollationsAreRemembered(t *testing.T) {
	w := start(t)
	watched := w.watch(para)
	for i := range maxCollations + 1 {
		h := primitives.HashOf([]byte(fmt.Sprint(i)))
		w.leaf(h, parent, 10)
		w.hands(w.submission(h, "pov"))
		w.did = nil
	}
	c := w.Handler().(*collator)
	if len(c.order) != maxCollations || len(c.collations) != maxCollations {
		t.Error(len(c.order), len(c.collations))
	}
	w.expectSteps(watched, "NODE_FAULT")
}

// A validator is sent a proof a few times, and pays for asking on.
func TestAValidatorIsSentAProofAFewTimes(t *testing.T) {
	w := start(t)
	r := w.submit("pov")
	for range mostServed {
		w.asks(0, r, 0, 3)
	}
	w.did = nil
	w.asks(0, r, 0, 3)
	w.expect("0: -100 "+insatiable.reason, "to 0: ENOUGH")
	w.asks(1, r, 0, 3)
	w.expect(`to 1: "pov"`)
}

// Of one validator so many questions wait for its turn; the oldest of more have timed out, and aren't answered.
func TestSoManyQuestionsOfAValidatorWaitForItsTurn(t *testing.T) {
	w := start(t)
	r := w.submit("a longer proof")
	w.did = nil
	w.asks(0, r, 0, 1)
	for at := range uint64(2 * openRequests) {
		w.asks(1, r, at, 1)
	}
	w.expect(`to 0: "a"`)
	if n := len(w.Handler().(*collator).collations[hashOf(r)].upload.line); n != openRequests {
		t.Errorf("%d questions wait", n)
	}
	w.later(uploadAlone)
	w.expect(`to 1: "n"`, `to 1: "g"`, `to 1: "e"`, `to 1: "r"`)
}

// When the bridge has no room for answers they are dropped, and wait nowhere.
func TestAnswersToValidatorsWaitNowhere(t *testing.T) {
	w := start(t)
	r := w.submit(string(make([]byte, data.MaxPoVSize)))
	w.Stall("network-bridge")
	for range 2 * mostServed {
		w.asks(0, r, 0, collatorv1.MaxPart)
	}
	if messages, _ := w.Parked(); messages != 0 || w.Number("dropped") == 0 {
		t.Errorf("%d wait, %d were dropped", messages, w.Number("dropped"))
	}
}

// A message that is too much is refused before it is decoded; one as large as any may be isn't.
func TestWhatIsTooMuchForOneMessageIsRefused(t *testing.T) {
	full := &collatorv1.ToCollator{Kind: &collatorv1.ToCollator_Outcome{Outcome: &collatorv1.Outcome{
		RelayParent: parent[:], Candidate: child[:], Status: refusedStatus(nodeFault, strings.Repeat("x", 1500))}}}
	h := primitives.Hash{}
	question := &collatorv1.PartRequest{Candidate: h[:], Offset: 1<<64 - 1, Length: collatorv1.MaxPart}
	for _, c := range []struct {
		budget decode.Budget
		of     proto.Message
		into   func() proto.Message
	}{
		{wireBudget, full, func() proto.Message { return &collatorv1.ToCollator{} }},
		{questionBudget, question, func() proto.Message { return &collatorv1.PartRequest{} }},
	} {
		b, err := proto.Marshal(c.of)
		if err != nil {
			t.Fatal(err)
		}
		if err := decode.Unmarshal(b, c.into(), c.budget); err != nil {
			t.Error(err)
		}
		if err := decode.Unmarshal(make([]byte, c.budget.Bytes+1), c.into(), c.budget); !errors.Is(err, decode.ErrBudget) {
			t.Error(err)
		}
	}
}

// FuzzHear: a validator's bytes are a word, or a cost, and never more.
func FuzzHear(f *testing.F) {
	f.Add([]byte("nonsense"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		w := start(t)
		r := w.submit("pov")
		w.says(0, payload)
		w.outcome(1, r, secondedBy(1))
		if w.Number("under-way") != 1 {
			t.Error("bytes have ended a collation")
		}
	})
}

// FuzzRequest lets a validator ask anything. Nothing may panic, and another one is served.
func FuzzRequest(f *testing.F) {
	h := primitives.Hash{}
	b, err := proto.Marshal(&collatorv1.PartRequest{Candidate: h[:], Offset: 1, Length: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, payload []byte) {
		w := start(t)
		r := w.submit("pov")
		w.request(0, payload)
		w.did = nil
		w.later(uploadAlone)
		w.did = nil
		w.asks(1, r, 0, 3)
		w.expect(`to 1: "pov"`)
	})
}
