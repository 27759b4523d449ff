package availabilitystore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/primitives"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

const (
	unknownBlock = runtimeapiv1.RuntimeApiError_CODE_UNKNOWN_BLOCK
	badRequest   = runtimeapiv1.RuntimeApiError_CODE_BAD_REQUEST
)

// A5, stored_but_not_included_data_is_pruned.
func TestA5DataThatNothingComesOfGoesAfterAnHour(t *testing.T) {
	w, p, another := start(t, 4), paraOf(t, 1, 100, 4), paraOf(t, 2, 100, 4)
	w.storeData(p)
	w.block(1, event(backed, another))
	w.storeChunk(another, 1)
	w.pass(availability.KeepUnavailable - time.Second)
	if !w.hasData(p) || !w.hasChunk(another, 1) {
		t.Fatal("it went early")
	}
	w.pass(2 * time.Second)
	if w.hasData(p) || w.hasChunk(p, 0) || w.hasChunk(another, 1) {
		t.Error("it is still here")
	}
	if o := w.storeChunk(another, 1); o != chunkUnknown {
		t.Errorf("the candidate isn't forgotten: %v", o)
	}
}

// A6: what is included stays until finality, and 25 hours after; T6: later finality prolongs nothing.
func TestA6IncludedDataStaysUntilFinalityAnd25HoursAfter(t *testing.T) {
	w, p := start(t, 4), paraOf(t, 1, 100, 4)
	w.storeData(p)
	w.block(1, event(backed, p))
	w.block(2, event(included, p))
	w.pass(24 * time.Hour)
	if !w.hasData(p) || w.Number("included-candidates") != 1 {
		t.Fatal("it went before finality")
	}
	w.final(block(2))
	if w.Number("finalized-candidates") != 1 {
		t.Error("it isn't final")
	}
	for number := byte(3); number < 8; number++ {
		w.block(number)
		w.final(block(number))
		w.pass(availability.KeepFinalized/5 - time.Minute)
	}
	if !w.hasData(p) || !w.hasChunk(p, 3) {
		t.Fatal("it went early")
	}
	w.pass(6 * time.Minute)
	if w.hasData(p) || w.hasChunk(p, 3) {
		t.Error("it is still here")
	}
}

// A7: what only a fork has included goes an hour after another block of that height is final.
func TestA7WhatOnlyAForkHasIncludedIsWithoutABlockAgain(t *testing.T) {
	w, p, both := start(t, 4), paraOf(t, 1, 100, 4), paraOf(t, 2, 100, 4)
	w.storeData(p)
	w.storeData(both)
	w.block(1, event(backed, p), event(backed, both))
	w.link(fork(2), block(1), 2, event(included, p), event(included, both))
	w.leaf(fork(2))
	w.block(2)
	w.block(3, event(included, both))
	w.block(4)
	w.final(block(4)) // finality of 2 and 3 comes with it
	if w.Number("finalized-candidates") != 1 || w.Number("backed-candidates") != 1 {
		t.Fatalf("%d final, %d backed", w.Number("finalized-candidates"), w.Number("backed-candidates"))
	}
	w.pass(availability.KeepUnavailable + time.Minute)
	if w.hasData(p) || !w.hasData(both) {
		t.Error("the fork's is still here, or the other isn't")
	}
}

// A8, we_dont_miss_anything_if_import_notifications_are_missed.
func TestA8BlocksBetweenTwoLeavesAreLookedAt(t *testing.T) {
	w := start(t, 4)
	w.block(1)
	var list []*para
	for n := byte(2); n <= 5; n++ {
		p := paraOf(t, n, 100, 4)
		list = append(list, p)
		w.link(block(n), block(n-1), uint64(n), event(backed, p))
	}
	w.looked = nil
	w.leaf(block(5))
	if diff := cmp.Diff([]primitives.Hash{block(2), block(3), block(4), block(5)}, w.looked); diff != "" {
		t.Errorf("blocks that were looked at (-want +got)\n%s", diff)
	}
	for _, p := range list {
		if o := w.storeChunk(p, 0); o != chunkStored {
			t.Errorf("candidate %s: %v", p.id.Short(), o)
		}
	}
	w.leaf(block(5))
	if len(w.looked) != 4 {
		t.Errorf("a block was looked at twice: %v", w.looked)
	}
}

// A9, runtime_api_error_does_not_stop_the_subsystem.
func TestA9AnErrorOfTheRuntimeHoldsUpNoOtherLeaf(t *testing.T) {
	for name, code := range map[string]runtimeapiv1.RuntimeApiError_Code{
		"for good": badRequest, "for now": unknownBlock,
	} {
		w, p, q := start(t, 4), paraOf(t, 1, 100, 4), paraOf(t, 2, 100, 4)
		w.link(fork(1), block(0), 1, event(backed, p))
		w.ill[fork(1)] = code
		w.leaf(fork(1))
		w.block(1, event(backed, q))
		if o := w.storeChunk(q, 0); o != chunkStored {
			t.Errorf("%s: the next leaf: %v", name, o)
		}
		delete(w.ill, fork(1))
		w.pass(time.Minute)
		if o := w.storeChunk(p, 0); (o == chunkStored) != (code == unknownBlock) {
			t.Errorf("%s: the leaf itself: %v", name, o)
		}
	}
}

// A block of a fork that was given up is unknown for ever; it isn't asked for as long.
func TestABlockThatStaysUnknownIsGivenUpOnceItIsNoLeaf(t *testing.T) {
	w := start(t, 4)
	w.link(fork(1), block(0), 1)
	w.ill[fork(1)] = unknownBlock
	w.leaf(fork(1))
	w.pass(time.Hour)
	w.Advance(5 * time.Second)
	if len(w.Sent()) == 0 {
		t.Error("a leaf was given up")
	}
	h := fork(1)
	w.StopWork(h[:])
	w.pass(time.Minute)
	w.Advance(10 * time.Second)
	if sent := w.Sent(); len(sent) > 0 {
		t.Errorf("it still asks: %v", sent)
	}
}

// What a block's events need may fail as well; the block is then looked at again as a whole.
func TestABlockIsLookedAtAgainWhenOneOfItsEventsCouldNotBeJudged(t *testing.T) {
	w, p := start(t, 4), paraOf(t, 1, 100, 4)
	w.ill[p.receipt.Descriptor.Collation.RelayParent] = unknownBlock
	w.block(1, event(timedOut, paraOf(t, 2, 1, 4)), &runtimeapiv1.CandidateEvent{Kind: backed}, event(backed, p))
	if o := w.storeChunk(p, 0); o != chunkUnknown {
		t.Fatalf("%v", o)
	}
	clear(w.ill)
	w.pass(time.Second)
	if o := w.storeChunk(p, 0); o != chunkStored {
		t.Errorf("%v", o)
	}
}

func TestSignalsOfAnotherChainMeanNothing(t *testing.T) {
	w := start(t, 4)
	w.On("assets")
	w.block(1)
	w.final(block(1))
	if len(w.looked) > 0 {
		t.Errorf("it looked at %v", w.looked)
	}
}

// What is final far above is traced down in steps to the blocks that wait.
func TestFinalityFarAboveReachesWhatWaits(t *testing.T) {
	const far = 10_000
	w, p := start(t, 4), paraOf(t, 1, 100, 4)
	w.block(1, event(included, p))
	high := func(n int) primitives.Hash { return primitives.HashOf(fmt.Appendf(nil, "high %d", n)) }
	w.link(high(2), block(1), 2)
	for n := 3; n <= far; n++ {
		w.link(high(n), high(n-1), uint64(n))
	}
	w.counted = 0
	w.final(high(far))
	if w.Number("finalized-candidates") != 1 || w.counted != 3 {
		t.Errorf("after %d questions it isn't final", w.counted)
	}
}

// Where this node's knowledge of the chain begins above what waits, that isn't asked for at each block that is final.
func TestWhatIsBelowTheKnownChainIsAskedForOnce(t *testing.T) {
	w, p := start(t, 4), paraOf(t, 1, 100, 4)
	w.block(1, event(included, p))
	w.links[block(9)] = link{} // restored here
	w.link(block(10), block(9), 10)
	w.final(block(10))
	w.counted = 0
	w.link(block(11), block(10), 11)
	w.final(block(11))
	if w.counted != 0 || w.Number("included-candidates") != 1 {
		t.Errorf("%d questions", w.counted)
	}
}

func TestBlocksThatWaitToBeLookedAtAreBounded(t *testing.T) {
	w := start(t, 4)
	for n := range 2000 {
		h := primitives.HashOf(fmt.Appendf(nil, "leaf %d", n))
		w.StartWork(h[:], nil, uint64(n+1))
	}
	if n := w.Number("waiting-blocks"); n > 1024 {
		t.Errorf("%d blocks wait", n)
	}
}

// A node that begins in the middle of a long chain looks at a part of what is below, and not at all of it.
func TestBlocksFarBelowALeafAreNotLookedAt(t *testing.T) {
	const height, most = 1000, 256 // farBack
	w := start(t, 4)
	high := func(n int) primitives.Hash { return primitives.HashOf(fmt.Appendf(nil, "high %d", n)) }
	near, far := paraOf(t, 1, 100, 4), paraOf(t, 2, 100, 4)
	for n := 1; n <= height; n++ {
		w.link(high(n), high(n-1), uint64(n))
	}
	w.link(high(height-most), high(height-most-1), height-most, event(backed, near))
	w.link(high(height-most-1), high(height-most-2), height-most-1, event(backed, far))
	w.leaf(high(height))
	if len(w.looked) != most+1 || w.looked[0] != high(height-most) || w.looked[most] != high(height) {
		t.Errorf("%d blocks were looked at", len(w.looked))
	}
	if a, b := w.storeChunk(near, 0), w.storeChunk(far, 0); a != chunkStored || b != chunkUnknown {
		t.Errorf("the nearest %v, the farthest %v", a, b)
	}
}
