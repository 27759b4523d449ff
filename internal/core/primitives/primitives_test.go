package primitives

import (
	"testing"

	"pgregory.net/rapid"
)

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), HashSize, HashSize).Draw(t, "bytes")
		h, _ := HashFrom(b)
		id, _ := NodeIDFrom(b)
		var h2 Hash
		var id2 NodeID
		if err := h2.UnmarshalText([]byte(h.String())); err != nil || h2 != h {
			t.Fatalf("hash %v came back as %v, %v", h, h2, err)
		}
		if err := id2.UnmarshalText([]byte(id.String())); err != nil || id2 != id {
			t.Fatalf("node id %v came back as %v, %v", id, id2, err)
		}
	})
}

func TestWrongTextIsAnErrorNotAPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		var h Hash
		var id NodeID
		if h.UnmarshalText(text) == nil && len(text) != 2*HashSize {
			t.Fatalf("%q was taken for a hash", text)
		}
		if id.UnmarshalText(text) == nil && len(text) != len(nodePrefix)+52 {
			t.Fatalf("%q was taken for a node id", text)
		}
	})
}
