package chainstore

import (
	"bytes"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// What is on disk may be damaged in ways that a checksum doesn't see: it is an error, never a panic.
func FuzzEntry(f *testing.F) {
	f.Add(encode(&Entry{BlockID: primitives.Hash{1}, VMBlock: primitives.Hash{2},
		Consensus: []byte("a consensus block"), Content: []byte("block")}))
	f.Add(encode(&Entry{Consensus: []byte("a consensus block"), Content: []byte("block"),
		Certificate: []byte("signed")}))
	f.Add(encode(&Entry{VMBlock: primitives.Hash{2}, Content: []byte("genesis")}))
	f.Add(make([]byte, entryHeader))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decode(7, b)
		if err != nil {
			return
		}
		again, err := decode(7, encode(e))
		if err != nil || again.BlockID != e.BlockID || !bytes.Equal(again.Consensus, e.Consensus) ||
			!bytes.Equal(again.Content, e.Content) || !bytes.Equal(again.Certificate, e.Certificate) {
			t.Errorf("%x: %+v came back as %+v, %v", b, e, again, err)
		}
	})
}
