package proof

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

var chain = block.Chain{NetworkID: 7, ID: primitives.Hash{'c'}}

func keyOf(i int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
}

func setOf(t interface{ Fatal(...any) }, keys ...int) *validators.Set {
	var members []validators.Validator
	for i, k := range keys {
		key := keyOf(k).Public().(ed25519.PublicKey)
		members = append(members, validators.Validator{Node: primitives.NodeID{byte(i)}, Key: key, Stake: 1})
	}
	set, err := validators.New(members)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// decided is the proof of a block that validator 1 has made, with votes of the phase by 0, 1 and 3.
func decided(t interface{ Fatal(...any) }, phase finality.Phase) *Proof {
	h, body := block.Header{Height: 5, Parent: primitives.Hash{'p'}, Proposer: 1}, block.Body(nil, []byte("content"))
	payload, err := h.Payload(chain, primitives.HashOf(body)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := block.New(chain, h, body, ed25519.Sign(keyOf(1), payload))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proof{Header: b.Sealed(chain), Certificate: &finality.Proof{Phase: phase, Round: 2, Block: b.ID()}}
	for _, i := range []int{0, 1, 3} {
		vote, err := finality.Vote{Round: 2, Phase: phase, Block: b.ID()}.Payload(chain.NetworkID, chain.ID, 5).Encode()
		if err != nil {
			t.Fatal(err)
		}
		signature := [64]byte(ed25519.Sign(keyOf(i), vote))
		p.Certificate.Votes = append(p.Certificate.Votes, finality.Signature{Validator: i, Signature: signature})
	}
	return p
}

func TestAProofIsReadAndHolds(t *testing.T) {
	want := decided(t, finality.Commit)
	got, err := Decode(want.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := got.Verify(chain, setOf(t, 0, 1, 2, 3)); err != nil {
		t.Error(err)
	}
}

func TestAProofThatWasChangedAnywhereDoesNotHold(t *testing.T) {
	good := decided(t, finality.Commit).Encode()
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if p, err := Decode(bad); err == nil && p.Verify(chain, setOf(t, 0, 1, 2, 3)) == nil {
			t.Errorf("it holds with another byte %d", i)
		}
		if _, err := Decode(good[:i]); !errors.Is(err, ErrMalformed) {
			t.Errorf("the first %d bytes: %v", i, err)
		}
	}
	if _, err := Decode(append(good, 0)); !errors.Is(err, ErrMalformed) {
		t.Error("a byte may follow")
	}
}

func TestAProofOfSomethingElseSaysOfWhat(t *testing.T) {
	good := decided(t, finality.Commit)
	other := decided(t, finality.Commit)
	other.Header.Proposer = 2
	for _, c := range []struct {
		p     *Proof
		chain block.Chain
		set   *validators.Set
		says  string
	}{
		{good, block.Chain{NetworkID: 8, ID: chain.ID}, setOf(t, 0, 1, 2, 3), "of network 7, not of"},
		{good, block.Chain{NetworkID: 7, ID: primitives.Hash{'d'}}, setOf(t, 0, 1, 2, 3), "not of chain 64000000"},
		{other, chain, setOf(t, 0, 1, 2, 3), "the votes are for block"},
		{decided(t, finality.Prepare), chain, setOf(t, 0, 1, 2, 3), "votes to prepare"},
		{good, chain, setOf(t, 0, 1, 2, 4), "signature of validator 3"},
		{good, chain, setOf(t, 0, 1, 2, 3, 4), "a quorum is 4"},
		{good, chain, setOf(t, 0, 1, 2), "no validator 3 of 3"},
	} {
		err := c.p.Verify(c.chain, c.set)
		if !errors.Is(err, ErrOther) && !errors.Is(err, finality.ErrNoProof) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v should say %q", err, c.says)
		}
	}
}

func TestACertificateOfAnotherHeightIsNamed(t *testing.T) {
	p := decided(t, finality.Commit)
	b := append(p.Encode()[:prefixSize], p.Certificate.Encode(6)...)
	if _, err := Decode(b); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "height 6") {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(decided(f, finality.Commit).Encode())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := Decode(data); err == nil && (!bytes.Equal(p.Encode(), data) || len(data) > MaxSize) {
			t.Fatalf("%x is read as %x", data, p.Encode())
		}
	})
}
