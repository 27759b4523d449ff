package comet

import (
	"bytes"
	"testing"
)

func TestATransactionHasTheSizeAndOneEqualsSign(t *testing.T) {
	key, tx := transaction("load", 77, 200)
	if len(tx) != 200 || bytes.Count(tx, []byte("=")) != 1 || !bytes.HasPrefix(tx, []byte(key+"=")) {
		t.Fatalf("%s: %s", key, tx)
	}
	if other, _ := transaction("load", 78, 200); other == key {
		t.Fatal("two transactions have the same key")
	}
}
