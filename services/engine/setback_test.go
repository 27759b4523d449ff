package engine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reevenet/reeve/internal/core/pause"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

var (
	died = &pluginv1.Error{Kind: &pluginv1.Error_Internal{
		Internal: &pluginv1.Internal{Reason: "the VM died on it"},
	}}
	unavailable = &pluginv1.Error{Kind: &pluginv1.Error_Unavailable{
		Unavailable: &pluginv1.Unavailable{Cause: "starting"},
	}}
)

func busyFor(d time.Duration) *pluginv1.Error {
	return &pluginv1.Error{Kind: &pluginv1.Error_Busy{Busy: &pluginv1.Busy{RetryAfter: durationpb.New(d)}}}
}

func TestWhileTheHostCantBeAskedTheExecutorRestsEverLonger(t *testing.T) {
	for what, fail := range map[string]func(overseertest.Sent){
		"no host":   func(s overseertest.Sent) { s.Fail(subsystem.Unavailable, "restarting") },
		"no plugin": func(s overseertest.Sent) { s.Reply(failed(s.Body, unavailable)) },
	} {
		x, b := testExecutor(t), partBlocks(t, "a")[0]
		x.push(verifyOp(b), &vmOp{kind: opState})
		ask := x.Sent()[0]
		last, kinds := time.Duration(0), map[string]int{}
		for range 12 {
			asked := x.Runtime.Now()
			if fail(ask); x.host.trouble == "" {
				t.Fatalf("%s: the host is said to answer", what)
			}
			ask = x.untilAsked()
			kinds[string(ask.Body.ProtoReflect().Descriptor().Name())]++
			pause := x.Runtime.Now().Sub(asked)
			if pause < last || pause > 2*mostRetry {
				t.Errorf("%s: after a pause of %v comes one of %v", what, last, pause)
			}
			last = pause
		}
		if len(kinds) != 2 {
			t.Errorf("%s: it tries nothing but %v", what, kinds)
		}
		for range 2 {
			if _, state := ask.Body.(*pluginv1.SetStateRequest); state {
				ask.Reply(&pluginv1.SetStateResponse{})
			} else {
				ask.Reply(x.verified(b))
			}
			if len(x.queue) > 0 {
				ask = x.untilAsked()
			}
		}
		if in := x.got(); x.host.trouble != "" || len(in) != 1 || in[0] != (snowman.Verified{ID: b.ID()}) {
			t.Errorf("%s: the host answers; trouble %q, the core is handed %v", what, x.host.trouble, in)
		}
	}
}

// failed is the answer to a request with an error in it.
func failed(request proto.Message, e *pluginv1.Error) proto.Message {
	switch request.(type) {
	case *pluginv1.VerifyBlockRequest:
		return &pluginv1.VerifyBlockResponse{Error: e}
	case *vmv1.AcceptBlock:
		return &vmv1.AcceptBlockResponse{Error: e}
	case *pluginv1.RejectBlockRequest:
		return &pluginv1.RejectBlockResponse{Error: e}
	}
	return &pluginv1.SetStateResponse{Error: e}
}

// A host that does everything but judge one block is there: the block is what it can't.
func TestAHostThatServesOthersIsntAway(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b")
	x.push(verifyOp(blocks[0]), verifyOp(blocks[1]))
	x.Sent()[0].Fail(subsystem.Unavailable, "went away with the question")
	second := x.untilAsked()
	if q := second.Body.(*pluginv1.VerifyBlockRequest); string(q.GetContent()) != string(blocks[1].VMBlock()) {
		t.Fatalf("%q comes next", q.GetContent())
	}
	second.Reply(x.verified(blocks[1]))
	x.untilAsked().Fail(subsystem.Unavailable, "went away with the question")
	want := snowman.Unjudged{ID: blocks[0].ID(), Why: "unavailable: went away with the question"}
	if in := x.got(); len(in) != 2 || in[1] != want {
		t.Errorf("the core is handed %v, want %v", in, want)
	}
}

func TestABlockThatCantBeJudgedGoesBackToTheCoreAndTheNextHasItsTurn(t *testing.T) {
	for what, c := range map[string]struct {
		answer func(overseertest.Sent)
		want   snowman.Unjudged
	}{
		"the VM died": {func(s overseertest.Sent) { s.Reply(failed(s.Body, died)) },
			snowman.Unjudged{Why: "the VM failed: the VM died on it"}},
		"busy": {func(s overseertest.Sent) { s.Reply(failed(s.Body, busyFor(3*time.Second))) },
			snowman.Unjudged{Why: "busy", After: 3 * time.Second}},
		"busy for no time": {func(s overseertest.Sent) { s.Reply(failed(s.Body, busyFor(0))) },
			snowman.Unjudged{Why: "busy", After: leastRetry}},
		"not found": {func(s overseertest.Sent) { s.Reply(failed(s.Body, notFound)) },
			snowman.Unjudged{Why: "not found"}},
		"poison": {func(s overseertest.Sent) { s.Fail(subsystem.Poisoned, "three hosts died") },
			snowman.Unjudged{Why: "poisoned: three hosts died"}},
	} {
		x, blocks := testExecutor(t), partBlocks(t, "a", "b")
		x.push(verifyOp(blocks[0]), verifyOp(blocks[1]))
		first := x.Sent()[0]
		x.Advance(time.Second)
		c.answer(first)
		c.want.ID, c.want.Took = blocks[0].ID(), time.Second
		if in := x.got(); len(in) != 1 || in[0] != c.want {
			t.Errorf("%s: the core is handed %v, want %v", what, in, c.want)
		}
		q, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
		if string(q.GetContent()) != string(blocks[1].VMBlock()) {
			t.Errorf("%s: %q has its turn", what, q.GetContent())
		}
		ask.Reply(x.verified(blocks[1]))
		x.Advance(2 * time.Minute)
		if x.ExpectNothing(); x.host.trouble != "" {
			t.Errorf("%s: %s", what, x.host.trouble)
		}
	}
}

func TestAnAnswerThatNeverComesIsNoVerdict(t *testing.T) {
	x, b := testExecutor(t), partBlocks(t, "a")[0]
	x.push(verifyOp(b))
	x.Sent()
	x.Advance(askTimeout + time.Second)
	in := x.got()
	if len(in) != 1 || in[0].(snowman.Unjudged).Took != askTimeout {
		t.Errorf("the core is handed %v", in)
	}
}

func TestABlockInDoubtComesAfterEverythingElse(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b", "c")
	doubted := verifyOp(blocks[0])
	doubted.doubted = true
	x.push(&vmOp{kind: opState}, doubted, verifyOp(blocks[1]), verifyOp(blocks[2]))
	x.Sent()[0].Reply(&pluginv1.SetStateResponse{})
	for _, i := range []int{1, 2, 0} {
		q, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
		if string(q.GetContent()) != string(blocks[i].VMBlock()) {
			t.Fatalf("%q is verified in place of %q", q.GetContent(), blocks[i].VMBlock())
		}
		ask.Reply(x.verified(blocks[i]))
	}
}

// The VM dies on a decided block. It can't be skipped, so it is tried again, alone and ever more seldom; nothing that
// builds on it is accepted, and nothing else waits for it.
func TestADecidedBlockThatTheVMCantExecuteIsTriedAgainBesideEverythingElse(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b", "rival", "other")
	rival, other := blocks[2], blocks[3]
	x.ids.add(rival.ID(), vmID(rival))
	x.push(&vmOp{kind: opState}, acceptOp(blocks[0]), acceptOp(blocks[1]), &vmOp{kind: opReject, block: rival})
	x.Sent()[0].Reply(&pluginv1.SetStateResponse{})
	asks := x.Sent()
	if len(asks) != 2 {
		t.Fatalf("%d acceptances are asked for", len(asks))
	}
	asks[0].Reply(failed(asks[0].Body, died))
	asks[1].Reply(failed(asks[1].Body, missingParent))
	since := x.Runtime.Now()
	pauses := []time.Duration{pause.Least, time.Second, 4 * time.Second, 16 * time.Second, pause.Most, pause.Most}
	for i, pause := range pauses {
		x.push(verifyOp(other), &vmOp{kind: opPrefer, id: rival.ID()})
		_, verify := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
		verify.Reply(x.verified(other))
		overseertest.Expect[*pluginv1.SetPreferenceRequest](x.Overseer)
		x.Advance(pause - time.Millisecond)
		x.ExpectNothing()
		x.Advance(time.Millisecond)
		q, again := overseertest.Expect[*vmv1.AcceptBlock](x.Overseer)
		if x.ExpectNothing(); q.GetHeight() != 1 {
			t.Fatalf("height %d is asked for", q.GetHeight())
		}
		op := x.stuck()
		if op == nil || op.block != blocks[0] || op.since != since || !strings.Contains(op.why, "died") {
			t.Fatalf("it says that %v is stuck", op)
		}
		if asks[0] = again; i < len(pauses)-1 {
			again.Reply(failed(again.Body, died))
		}
	}
	x.got()
	for i, b := range blocks[:2] { // the VM is mended
		id := vmID(b)
		if asks[0].Reply(&vmv1.AcceptBlockResponse{VmBlockId: id[:]}); i == 0 {
			_, asks[0] = overseertest.Expect[*vmv1.AcceptBlock](x.Overseer)
		}
	}
	overseertest.Expect[*pluginv1.RejectBlockRequest](x.Overseer)
	want := []snowman.Input{snowman.Committed{ID: blocks[0].ID()}, snowman.Committed{ID: blocks[1].ID()}}
	if in := x.got(); !slices.Equal(in, want) || x.stuck() != nil || len(x.halted) > 0 {
		t.Errorf("the core is handed %v; %v is stuck; halted: %v", in, x.stuck(), x.halted)
	}
}

func TestARejectionThatTheVMCantDoIsAskedForAgainAndHoldsUpNoAcceptance(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "rival")
	x.ids.add(blocks[1].ID(), vmID(blocks[1]))
	x.push(&vmOp{kind: opReject, block: blocks[1]}, acceptOp(blocks[0]))
	q, ask := overseertest.Expect[*pluginv1.RejectBlockRequest](x.Overseer)
	ask.Reply(failed(q, died))
	_, accept := overseertest.Expect[*vmv1.AcceptBlock](x.Overseer)
	id := vmID(blocks[0])
	accept.Reply(&vmv1.AcceptBlockResponse{VmBlockId: id[:]})
	x.ExpectNothing()
	x.Advance(pause.Least)
	again, ask := overseertest.Expect[*pluginv1.RejectBlockRequest](x.Overseer)
	if !proto.Equal(q, again) {
		t.Errorf("it asks %v, and then %v", q, again)
	}
	ask.Reply(&pluginv1.RejectBlockResponse{})
	if x.Advance(time.Minute); len(x.queue) != 0 {
		t.Error("it isn't done")
	}
}

// The VM isn't reminded of a parent on which it has just died.
func TestAParentThatTheVMCantExecuteIsntShownToItForItsChild(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b")
	x.known[blocks[0].ID()] = blocks[0]
	x.push(acceptOp(blocks[0]))
	x.Sent()[0].Reply(failed(&vmv1.AcceptBlock{}, died))
	x.push(verifyOp(blocks[1]))
	_, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
	ask.Reply(failed(&pluginv1.VerifyBlockRequest{}, missingParent))
	x.ExpectNothing()
	in := x.got()
	if len(in) != 1 || !strings.Contains(in[0].(snowman.Unjudged).Why, "the VM died on it") {
		t.Errorf("the core is handed %v", in)
	}
}

// A VM that has its parent verified and misses it all the same is wrong, and isn't asked without end.
func TestAVMThatNeverKnowsAParentIsRemindedOnce(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b")
	x.known[blocks[0].ID()] = blocks[0]
	x.push(verifyOp(blocks[1]))
	for _, answer := range []proto.Message{
		failed(&pluginv1.VerifyBlockRequest{}, missingParent), x.verified(blocks[0]),
		failed(&pluginv1.VerifyBlockRequest{}, missingParent),
	} {
		_, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
		ask.Reply(answer)
	}
	x.ExpectNothing()
	if in := x.got(); len(in) != 1 || in[0].(snowman.Unjudged).ID != blocks[1].ID() {
		t.Errorf("the core is handed %v", in)
	}
}

// Only a block's own parent decides that it is lost with it.
func TestABlockWhoseGrandparentNobodyKnowsIsntInvalid(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b", "c")
	x.known[blocks[1].ID()] = blocks[1]
	x.push(verifyOp(blocks[2]))
	for range 2 {
		_, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
		ask.Reply(failed(&pluginv1.VerifyBlockRequest{}, missingParent))
	}
	if in := x.got(); len(in) != 1 || in[0].(snowman.Unjudged).ID != blocks[2].ID() {
		t.Errorf("the core is handed %v", in)
	}
}

func TestALostParentsChildIsInvalidAndAParentThatFailsIsnt(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b")
	x.push(verifyOp(blocks[1]))
	_, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
	ask.Reply(failed(&pluginv1.VerifyBlockRequest{}, missingParent))
	if in := x.got(); len(in) != 1 || in[0].(snowman.Invalid).ID != blocks[1].ID() {
		t.Errorf("a parent that nobody knows: the core is handed %v", in)
	}
	x.known[blocks[0].ID()] = blocks[0]
	x.push(verifyOp(blocks[1]))
	for _, answer := range []*pluginv1.Error{missingParent, died} {
		_, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
		ask.Reply(failed(&pluginv1.VerifyBlockRequest{}, answer))
	}
	if in := x.got(); len(in) != 1 || in[0].(snowman.Unjudged).ID != blocks[1].ID() || len(x.halted) > 0 {
		t.Errorf("a parent on which the VM dies: the core is handed %v", in)
	}
}
