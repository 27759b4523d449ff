package snowman

import "testing"

func TestBlocksBecomeDurableInTheOrderInWhichTheyWereAccepted(t *testing.T) {
	a, blocks := newAccepted(testRoot), chainOf(t, 3, 10)
	for _, b := range blocks {
		a.push(b)
	}
	if a.root.Height != 3 || a.stable.Height != 0 {
		t.Fatalf("decided up to %d, durable up to %d", a.root.Height, a.stable.Height)
	}
	if a.commit(blocks[1].ID()) != nil {
		t.Error("the second became durable before the first")
	}
	for i, b := range blocks {
		if _, ok := a.find(b.ID()); !ok {
			t.Errorf("height %d isn't served before it is durable", b.Height)
		}
		if a.commit(b.ID()) != b || a.stable.Height != uint64(i+1) {
			t.Errorf("height %d: durable up to %d", b.Height, a.stable.Height)
		}
	}
	if len(a.pending) != 0 || a.stable != a.root {
		t.Errorf("%d blocks are pending", len(a.pending))
	}
}

func TestOnlyTheLatestIDsAreRemembered(t *testing.T) {
	a, blocks := newAccepted(testRoot), chainOf(t, recentBlocks+10, 1)
	for _, b := range blocks {
		a.push(b)
	}
	if len(a.ids) != recentBlocks || len(a.heights) != recentBlocks {
		t.Errorf("%d heights and %d ids", len(a.ids), len(a.heights))
	}
	if a.has(testRoot.ID) || !a.has(blocks[10].ID()) {
		t.Error("the oldest is remembered, or one of the latest isn't")
	}
	if id, ok := a.at(blocks[20].Height); !ok || id != blocks[20].ID() {
		t.Errorf("at height %d: %v", blocks[20].Height, ok)
	}
}
