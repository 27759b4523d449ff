package block

import (
	"bytes"
	"errors"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

func TestASealedHeaderHasTheBlocksIDAndNothingOfItsBody(t *testing.T) {
	b, _ := sign(t, Header{Height: 3, Slot: 1, Time: 5, Proposer: 2}, []byte("inherent"), []byte("content"))
	s := b.Sealed(chain)
	if s.ID() != b.ID() || len(s.Encode()) != SealedSize {
		t.Fatalf("id %s of %d bytes, the block's is %s", s.ID(), len(s.Encode()), b.ID())
	}
	again, err := DecodeSealed(s.Encode())
	if err != nil || again != s {
		t.Fatalf("%+v came back as %+v, %v", s, again, err)
	}
	body := primitives.HashOf(b.Bytes()[prefixSize:])
	if p := s.Payload; p.Height != 3 || p.ChainID != chain.ID || p.BodyHash != body {
		t.Errorf("%+v", p)
	}
	for i, good := range s.Encode() {
		changed := s.Encode()
		changed[i] = good ^ 1
		if got, err := DecodeSealed(changed); err == nil && got.ID() == b.ID() {
			t.Errorf("byte %d may be changed without a trace", i)
		}
	}
}

func TestOtherBytesAreNoSealedHeader(t *testing.T) {
	b, _ := sign(t, Header{Height: 3}, nil, nil)
	good := b.Sealed(chain).Encode()
	vote, err := signbytes.Vote{Phase: signbytes.Commit}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for what, bad := range map[string][]byte{
		"nothing":        nil,
		"a byte less":    good[:SealedSize-1],
		"a byte more":    append(bytes.Clone(good), 0),
		"a whole block":  b.Bytes(),
		"something else": append(vote, make([]byte, SealedSize-len(vote))...),
	} {
		if _, err := DecodeSealed(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
