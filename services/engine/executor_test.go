package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

type executorAlone struct {
	*alone
	*executor
	known  map[primitives.Hash]*block.Block // the core's blocks
	halted []string
}

// vmID is the id that the VM in these tests gives the content of a block.
func vmID(b *block.Block) primitives.Hash { return primitives.HashOf(b.VMBlock()) }

func testExecutor(t *testing.T) *executorAlone {
	x := &executorAlone{alone: testAlone(t), known: map[primitives.Hash]*block.Block{}}
	x.executor = &executor{
		sub: x.alone.sub, set: partSet(t, 1), host: &hostHealth{}, ids: newVMIDs(), result: x.step,
		blocks: func(id primitives.Hash) (*block.Block, bool) { return x.known[id], x.known[id] != nil },
		halt:   func(what string, err error) { x.halted = append(x.halted, fmt.Sprint(what, ": ", err)) },
	}
	x.ids.stand(primitives.Hash{7}, primitives.Hash{8})
	return x
}

func (x *executorAlone) push(ops ...*vmOp) {
	x.do(func() {
		for _, op := range ops {
			x.executor.push(op)
		}
	})
}

// verified is the VM's answer that a block is valid.
func (x *executorAlone) verified(b *block.Block) *pluginv1.VerifyBlockResponse {
	id := vmID(b)
	parent, _ := x.ids.of(b.Parent)
	return &pluginv1.VerifyBlockResponse{Block: &pluginv1.Block{Id: id[:], ParentId: parent[:], Height: b.Height}}
}

func verifyOp(b *block.Block) *vmOp { return &vmOp{kind: opVerify, block: b} }
func acceptOp(b *block.Block) *vmOp { return &vmOp{kind: opAccept, block: b} }

func TestOneThingIsAskedOfTheVMAtATimeInOrder(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b")
	x.push(verifyOp(blocks[0]), verifyOp(blocks[1]))
	for _, b := range blocks {
		q, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
		if string(q.GetContent()) != string(b.VMBlock()) {
			t.Fatalf("%q is verified", q.GetContent())
		}
		x.ExpectNothing()
		ask.Reply(x.verified(b))
		if in := x.got(); !slices.Equal(in, []snowman.Input{snowman.Verified{ID: b.ID()}}) {
			t.Errorf("the core is handed %v", in)
		}
	}
}

func TestAcceptancesInARowGoTogetherAndAreReportedInOrder(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b", "c")
	x.push(&vmOp{kind: opState})
	for _, b := range blocks {
		x.push(acceptOp(b))
	}
	x.push(verifyOp(blocks[0]))
	_, state := overseertest.Expect[*pluginv1.SetStateRequest](x.Overseer)
	state.Reply(&pluginv1.SetStateResponse{})
	var asks []overseertest.Sent
	for _, b := range blocks {
		q, ask := overseertest.Expect[*vmv1.AcceptBlock](x.Overseer)
		if q.GetHeight() != b.Height {
			t.Errorf("height %d is accepted in place of %d", q.GetHeight(), b.Height)
		}
		asks = append(asks, ask)
	}
	x.ExpectNothing()
	for _, i := range []int{2, 0, 1} { // the answers' order doesn't matter
		id := vmID(blocks[i])
		asks[i].Reply(&vmv1.AcceptBlockResponse{VmBlockId: id[:]})
	}
	var want []snowman.Input
	for _, b := range blocks {
		want = append(want, snowman.Committed{ID: b.ID()})
	}
	if in := x.got(); !slices.Equal(in, want) {
		t.Errorf("the core is handed %v", in)
	}
	if x.ids.root != blocks[2].ID() || len(x.ids.vm) != 1 {
		t.Errorf("%d VM blocks are remembered, the last accepted one is %s", len(x.ids.vm), x.ids.root.Short())
	}
	overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
}

func TestAnAcceptanceThatFailedIsAskedAgainWithThoseAboveIt(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b", "c")
	x.push(&vmOp{kind: opState}, acceptOp(blocks[0]), acceptOp(blocks[1]), acceptOp(blocks[2]))
	_, state := overseertest.Expect[*pluginv1.SetStateRequest](x.Overseer)
	state.Reply(&pluginv1.SetStateResponse{})
	for _, ask := range x.Sent() {
		if q := ask.Body.(*vmv1.AcceptBlock); q.GetHeight() == 2 {
			ask.Fail(subsystem.Unavailable, "restarting")
		} else {
			id := vmID(blocks[q.GetHeight()-1])
			ask.Reply(&vmv1.AcceptBlockResponse{VmBlockId: id[:]})
		}
	}
	if in := x.got(); len(in) != 1 || in[0] != (snowman.Committed{ID: blocks[0].ID()}) {
		t.Fatalf("the core is handed %v", in)
	}
	x.Advance(mostRetry)
	for _, want := range []uint64{2, 3} {
		if q, _ := overseertest.Expect[*vmv1.AcceptBlock](x.Overseer); q.GetHeight() != want {
			t.Errorf("height %d is asked for in place of %d", q.GetHeight(), want)
		}
	}
}

func TestAHostThatHasForgottenAParentIsRemindedOfIt(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b")
	x.known[blocks[0].ID()] = blocks[0]
	x.ids.add(blocks[0].ID(), vmID(blocks[0]))
	x.push(verifyOp(blocks[1]))
	_, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
	ask.Reply(&pluginv1.VerifyBlockResponse{Error: &pluginv1.Error{
		Kind: &pluginv1.Error_MissingParent{MissingParent: &pluginv1.MissingParent{}},
	}})
	for _, b := range blocks {
		q, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
		if string(q.GetContent()) != string(b.VMBlock()) {
			t.Fatalf("%q is verified in place of %q", q.GetContent(), b.VMBlock())
		}
		ask.Reply(x.verified(b))
	}
	if in := x.got(); len(in) != 1 || in[0] != (snowman.Verified{ID: blocks[1].ID()}) {
		t.Errorf("the core is handed %v", in)
	}
}

func TestAVMBlockInAnotherPlaceThanItsConsensusBlockIsInvalidAndTakenBack(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a")
	x.push(verifyOp(blocks[0]))
	_, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
	elsewhere := x.verified(blocks[0])
	elsewhere.Block.Height = 9
	ask.Reply(elsewhere)
	if in := x.got(); len(in) != 1 || in[0].(snowman.Invalid).ID != blocks[0].ID() {
		t.Errorf("the core is handed %v", in)
	}
	overseertest.Expect[*pluginv1.RejectBlockRequest](x.Overseer)
}

func TestABlockIsInvalidAlsoWithoutAReason(t *testing.T) {
	x, b := testExecutor(t), partBlocks(t, "a")[0]
	x.push(verifyOp(b))
	_, ask := overseertest.Expect[*pluginv1.VerifyBlockRequest](x.Overseer)
	ask.Reply(&pluginv1.VerifyBlockResponse{Error: invalid("")})
	if in := x.got(); len(in) != 1 || in[0] != (snowman.Invalid{ID: b.ID()}) {
		t.Errorf("the core is handed %v", in)
	}
}

func TestAVMBlockThatTwoBlocksWrapIsRejectedWithTheLastOfThem(t *testing.T) {
	x := testExecutor(t)
	one, two := partBlocks(t, "same")[0], partBlocks(t, "other", "same")[1]
	x.ids.add(one.ID(), vmID(one))
	x.ids.add(two.ID(), vmID(two))
	x.push(&vmOp{kind: opReject, block: one})
	x.ExpectNothing()
	x.push(&vmOp{kind: opReject, block: two})
	overseertest.Expect[*pluginv1.RejectBlockRequest](x.Overseer)
}

func TestAVMThatRefusesWhatWasDecidedHaltsTheChain(t *testing.T) {
	corrupt := &pluginv1.Error{Kind: &pluginv1.Error_Corrupt{Corrupt: &pluginv1.Corrupt{Reason: "the disk lies"}}}
	invalid := &pluginv1.Error{Kind: &pluginv1.Error_InvalidBlock{InvalidBlock: &pluginv1.InvalidBlock{Reason: "no"}}}
	for what, at := range map[string]struct {
		kind   opKind
		answer func(overseertest.Sent)
	}{
		"accept": {opAccept, func(s overseertest.Sent) { s.Reply(&vmv1.AcceptBlockResponse{Error: invalid}) }},
		"reject": {opReject, func(s overseertest.Sent) { s.Reply(&pluginv1.RejectBlockResponse{Error: invalid}) }},
		"verify": {opVerify, func(s overseertest.Sent) { s.Reply(&pluginv1.VerifyBlockResponse{Error: corrupt}) }},
	} {
		x, b := testExecutor(t), partBlocks(t, "a")[0]
		x.ids.add(b.ID(), vmID(b))
		x.push(&vmOp{kind: at.kind, block: b}, &vmOp{kind: opState})
		at.answer(x.Sent()[0])
		if len(x.halted) != 1 || len(x.got()) != 0 {
			t.Errorf("%s: halted %v", what, x.halted)
		}
		x.Advance(time.Minute)
		x.ExpectNothing()
	}
}

func TestTheHostIsAskedForTheLastBlockUntilItAnswersAndThenOnce(t *testing.T) {
	a, begun := testAlone(t), 0
	host := &hostHealth{}
	s := &starter{sub: a.sub, host: host, begin: func(*vmv1.AcceptedBlock) { begun++ }}
	a.do(func() { s.ask(0) })
	for range 5 {
		a.Advance(mostRetry)
		_, ask := overseertest.Expect[*vmv1.LastAccepted](a.Overseer)
		ask.Fail(subsystem.Unavailable, "restarting")
		if begun != 0 || host.trouble == "" {
			t.Fatal("it begins on nothing")
		}
	}
	a.Advance(mostRetry)
	_, ask := overseertest.Expect[*vmv1.LastAccepted](a.Overseer)
	ask.Reply(&vmv1.LastAcceptedResponse{Block: &vmv1.AcceptedBlock{}})
	a.Advance(time.Minute)
	a.ExpectNothing()
	if begun != 1 || host.trouble != "" {
		t.Errorf("it began %d times, trouble %q", begun, host.trouble)
	}
}

func TestARecordThatContradictsItselfIsNoAnchor(t *testing.T) {
	b := partBlocks(t, "a")[0]
	id, other := b.ID(), primitives.Hash{9}
	good := &vmv1.AcceptedBlock{BlockId: id[:], VmBlockId: other[:], Height: 1, ConsensusBlock: b.Bytes()}
	if a, vm, err := readAnchor(partChain, good); err != nil || a.ID != id || vm != other || a.Time != b.Time {
		t.Errorf("a good one: %v, %v", a, err)
	}
	for what, bad := range map[string]*vmv1.AcceptedBlock{
		"of no id":      {VmBlockId: other[:], Height: 1, ConsensusBlock: b.Bytes()},
		"of no VM id":   {BlockId: id[:], Height: 1, ConsensusBlock: b.Bytes()},
		"another block": {BlockId: other[:], VmBlockId: other[:], Height: 1, ConsensusBlock: b.Bytes()},
		"wrong height":  {BlockId: id[:], VmBlockId: other[:], Height: 2, ConsensusBlock: b.Bytes()},
		"no block":      {BlockId: id[:], VmBlockId: other[:], Height: 1},
	} {
		if _, _, err := readAnchor(partChain, bad); err == nil {
			t.Errorf("%s: it is taken", what)
		}
	}
}

func TestOnlyTheLastPreferenceWaitsForTheHost(t *testing.T) {
	x, blocks := testExecutor(t), partBlocks(t, "a", "b")
	x.push(verifyOp(blocks[0]))
	for i := range 1000 {
		x.push(&vmOp{kind: opPrefer, id: blocks[i%2].ID()})
	}
	if last := x.queue[len(x.queue)-1]; len(x.queue) != 2 || last.id != blocks[1].ID() {
		t.Errorf("%d things wait, the last one prefers %s", len(x.queue), last.id.Short())
	}
}
