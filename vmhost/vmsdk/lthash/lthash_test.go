package lthash_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"lukechampine.com/blake3"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/vmhost/vmsdk/lthash"
)

func TestTheOrderOfChangesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elements := rapid.SliceOfNDistinct(rapid.String(), 1, 8, rapid.ID).Draw(t, "elements")
		gone := rapid.IntRange(0, len(elements)).Draw(t, "removed again")
		var direct, detour lthash.Hash
		for _, e := range elements[gone:] {
			direct.Add([]byte(e))
		}
		for _, e := range rapid.Permutation(elements).Draw(t, "order") {
			detour.Add([]byte(e))
		}
		for _, e := range rapid.Permutation(elements[:gone]).Draw(t, "order of removal") {
			detour.Remove([]byte(e))
		}
		if direct != detour || direct.Sum() != detour.Sum() {
			t.Fatal("the same set has two hashes")
		}
	})
}

func TestDifferentSetsDiffer(t *testing.T) {
	seen := map[[32]byte]string{}
	a, b, ab := []byte("a"), []byte("b"), []byte("ab")
	for _, set := range [][][]byte{{}, {a}, {a, b}, {ab}, {ab, nil}, {nil, ab}} {
		var h lthash.Hash
		if len(set) > 0 {
			h.Add(set...)
		}
		name := fmt.Sprintf("%q", set)
		if other, ok := seen[h.Sum()]; ok {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[h.Sum()] = name
	}
}

func TestBytesRoundTrip(t *testing.T) {
	var h lthash.Hash
	h.Add([]byte("key"), []byte("value"))
	back, err := lthash.From(h.Bytes())
	if err != nil || *back != h {
		t.Fatalf("%v", err)
	}
	if _, err := lthash.From(h.Bytes()[1:]); err == nil {
		t.Fatal("a short state was taken")
	}
}

func BenchmarkReplace(b *testing.B) {
	var h lthash.Hash
	key, value := []byte("a key of sixteen"), make([]byte, 64)
	for b.Loop() {
		h.Remove(key, value)
		h.Add(key, value)
	}
}

// TestExpansionIsBLAKE3 ties the inner functions to the published one.
func TestExpansionIsBLAKE3(t *testing.T) {
	element := binary.LittleEndian.AppendUint64(nil, 3)
	digest := sha256.Sum256(append(element, "key"...))
	hasher := blake3.New(32, nil)
	hasher.Write(digest[:])
	want := make([]byte, lthash.Size)
	hasher.XOF().Read(want)

	var h lthash.Hash
	h.Add([]byte("key"))
	if !bytes.Equal(h.Bytes(), want) {
		t.Fatal("the expansion isn't BLAKE3's output")
	}
}
