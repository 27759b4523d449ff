package block

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"pgregory.net/rapid"
)

var chain = Chain{NetworkID: 7, ID: primitives.HashOf([]byte("chain"))}

func sign(t interface{ Fatal(...any) }, h Header, inherent, vm []byte) (*Block, ed25519.PublicKey) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	body := Body(inherent, vm)
	payload, err := h.Payload(chain, primitives.HashOf(body)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(chain, h, body, ed25519.Sign(key, payload))
	if err != nil {
		t.Fatal(err)
	}
	return b, key.Public().(ed25519.PublicKey)
}

func TestWhatIsDecodedIsWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Header{
			Height: rapid.Uint64().Draw(t, "height"), Slot: rapid.Uint64().Draw(t, "slot"),
			Time:     rapid.Uint64().Draw(t, "time"),
			Proposer: rapid.Uint32().Draw(t, "proposer"),
			Parent:   primitives.HashOf([]byte(rapid.String().Draw(t, "parent"))),
		}
		inherent, vm := rapid.SliceOf(rapid.Byte()).Draw(t, "inherent"), rapid.SliceOf(rapid.Byte()).Draw(t, "vm")
		b, key := sign(t, h, inherent, vm)
		again, err := Decode(chain, b.Bytes())
		if err != nil || again.Header != h || again.ID() != b.ID() ||
			!bytes.Equal(again.Inherent(), inherent) || !bytes.Equal(again.VMBlock(), vm) {
			t.Fatalf("%+v came back as %+v, %v", b, again, err)
		}
		if !again.Verify(chain, key) {
			t.Fatal("the signature doesn't verify")
		}
		if again.Verify(Chain{NetworkID: 8, ID: chain.ID}, key) {
			t.Fatal("the signature verifies on another network")
		}
	})
}

func TestEveryBitCounts(t *testing.T) {
	b, key := sign(t, Header{Height: 3, Slot: 1, Time: 5, Proposer: 2}, []byte("inherent"), []byte("content"))
	for i := range b.Bytes() {
		changed := bytes.Clone(b.Bytes())
		changed[i] ^= 1
		got, err := Decode(chain, changed)
		if err != nil {
			continue
		}
		// The proposer's index says whose key to check with, so it isn't covered by the signature itself.
		if inProposer := i >= 57 && i < 61; got.ID() == b.ID() || !inProposer && got.Verify(chain, key) {
			t.Errorf("byte %d may be changed without a trace", i)
		}
	}
}

func TestVector(t *testing.T) {
	b, _ := sign(t, Header{
		Height: 1, Parent: primitives.HashOf([]byte("genesis")), Slot: 2, Time: 1_700_000_000_000, Proposer: 3,
	}, nil, []byte("hello"))
	const id, prefix = "eb7ab285dd87ff34c724f6a8e34aa768", "01" + "0000000000000001"
	if got := hex.EncodeToString(b.Bytes()[:9]); got != prefix {
		t.Errorf("the bytes begin with %s", got)
	}
	if got := b.ID().String()[:32]; got != id {
		t.Errorf("id %s", got)
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := sign(f, Header{Height: 1}, []byte("i"), []byte("vm"))
	f.Add(b.Bytes())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Decode(chain, data)
		if err != nil {
			return
		}
		if !bytes.Equal(got.Bytes(), data) || len(got.VMBlock())+len(got.Inherent()) > len(data) {
			t.Fatalf("%d bytes became %+v", len(data), got)
		}
	})
}

func TestABlockThatIsTooLargeIsRefused(t *testing.T) {
	body := Body(nil, make([]byte, MaxSize-minSize))
	largest, err := New(Chain{}, Header{}, body, make([]byte, ed25519.SignatureSize))
	if err != nil || len(largest.Bytes()) != MaxSize {
		t.Fatalf("the largest block: %v", err)
	}
	body = Body(nil, make([]byte, MaxSize-minSize+1))
	if _, err := New(Chain{}, Header{}, body, make([]byte, ed25519.SignatureSize)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a larger one: %v", err)
	}
}
