package comet

import (
	"bytes"
	"testing"
	"time"
)

func at(seconds int, txs int) block { return block{time: time.Unix(int64(seconds), 0), txs: txs} }

func TestTheRateLeavesOutTheBeginningAndTheBlockThatStartsTheClock(t *testing.T) {
	blocks := []block{at(1, 900), at(2, 900), at(3, 500), at(4, 100), at(5, 300)}
	rate, total := sustained(blocks, time.Unix(3, 0))
	if rate != 200 || total != 2700 { // blocks 4 and 5, two seconds
		t.Fatalf("got %v per second, %d in all", rate, total)
	}
}

func TestNoRateFromOneBlock(t *testing.T) {
	if rate, total := sustained([]block{at(3, 7)}, time.Unix(0, 0)); rate != 0 || total != 7 {
		t.Fatalf("got %v per second, %d in all", rate, total)
	}
}

func TestATransactionHasTheSizeAndOneEqualsSign(t *testing.T) {
	key, tx := transaction("load", 77, 200)
	if len(tx) != 200 || bytes.Count(tx, []byte("=")) != 1 || !bytes.HasPrefix(tx, []byte(key+"=")) {
		t.Fatalf("%s: %s", key, tx)
	}
	if other, _ := transaction("load", 78, 200); other == key {
		t.Fatal("two transactions have the same key")
	}
}
