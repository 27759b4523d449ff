package evidence

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/validators"
)

const network = 7

var chain = primitives.Hash{'c'}

func keyOf(i int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
}

func public(i int) ed25519.PublicKey { return keyOf(i).Public().(ed25519.PublicKey) }

func four(t interface{ Fatal(...any) }) *validators.Set {
	var members []validators.Validator
	for i := range 4 {
		members = append(members, validators.Validator{Node: primitives.NodeID{byte(i)}, Key: public(i), Stake: 1})
	}
	set, err := validators.New(members)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// sign has validator i sign a payload.
func sign(t interface{ Fatal(...any) }, i int, p signbytes.Payload) Signed {
	payload, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return Signed{payload, [64]byte(ed25519.Sign(keyOf(i), payload))}
}

func proposal(body byte) signbytes.Block {
	return signbytes.Block{NetworkID: network, ChainID: chain, Height: 5, Slot: 1, BodyHash: primitives.Hash{body}}
}

func vote(block byte) signbytes.Vote {
	return signbytes.Vote{
		NetworkID: network, ChainID: chain, Height: 5, Round: 2, Phase: signbytes.Commit, Block: primitives.Hash{block},
	}
}

// twice is what validator 2 is guilty of in these tests.
func twice(t interface{ Fatal(...any) }, a, b signbytes.Payload) *Evidence {
	e, err := New(public(2), sign(t, 2, a), sign(t, 2, b))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestTwoBlocksOrTwoVotesForOnePlaceAreEvidence(t *testing.T) {
	for what, e := range map[string]*Evidence{
		"the block of height 5, slot 1":         twice(t, proposal(1), proposal(2)),
		"the commit vote of height 5, round 2":  twice(t, vote(1), vote(2)),
		"the commit vote of height 5, round 2:": twice(t, vote(0), vote(2)), // one for no block
	} {
		again, err := Decode(e.Encode())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if who, err := again.Check(network, chain, four(t)); err != nil || who != 2 {
			t.Errorf("%s: against validator %d, %v", what, who, err)
		}
		if again.ID() != e.ID() || !strings.Contains(again.String(), what) {
			t.Errorf("%s is described as %s", what, again)
		}
	}
}

func TestOneFaultHasOneEncoding(t *testing.T) {
	a, b := sign(t, 2, vote(1)), sign(t, 2, vote(2))
	one, err := New(public(2), a, b)
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(public(2), b, a)
	if err != nil || one.ID() != other.ID() {
		t.Errorf("%s and %s, %v", one.ID(), other.ID(), err)
	}
	swapped := Evidence{key: one.key, first: one.second, second: one.first}
	if _, err := Decode(swapped.Encode()); !errors.Is(err, ErrMalformed) {
		t.Errorf("the payloads in the wrong order: %v", err)
	}
}

func TestWhatMayBothBeSignedIsNoEvidence(t *testing.T) {
	with := func(change func(*signbytes.Vote)) signbytes.Vote {
		v := vote(2)
		change(&v)
		return v
	}
	later, next := proposal(2), proposal(2)
	later.Slot, next.Height = 2, 6
	for what, c := range map[string]struct{ a, b signbytes.Payload }{
		"the same vote twice":    {vote(1), vote(1)},
		"the same block twice":   {proposal(1), proposal(1)},
		"another round":          {vote(1), with(func(v *signbytes.Vote) { v.Round = 3 })},
		"another phase":          {vote(1), with(func(v *signbytes.Vote) { v.Phase = signbytes.Prepare })},
		"another height":         {vote(1), with(func(v *signbytes.Vote) { v.Height = 6 })},
		"another chain":          {vote(1), with(func(v *signbytes.Vote) { v.ChainID = primitives.Hash{'d'} })},
		"another network":        {vote(1), with(func(v *signbytes.Vote) { v.NetworkID = 8 })},
		"another slot":           {proposal(1), later},
		"a block of other place": {proposal(1), next},
		"a vote and a block":     {vote(1), proposal(1)},
	} {
		if _, err := New(public(2), sign(t, 2, c.a), sign(t, 2, c.b)); !errors.Is(err, ErrNoFault) {
			t.Errorf("%s: %v", what, err)
		}
	}
	a := sign(t, 2, signbytes.Statement{Verdict: signbytes.Valid})
	b := sign(t, 2, signbytes.Statement{Verdict: signbytes.Invalid})
	if _, err := New(public(2), a, b); !errors.Is(err, ErrMalformed) {
		t.Errorf("statements: %v", err)
	}
	if _, err := New(public(2)[:31], a, b); !errors.Is(err, ErrMalformed) {
		t.Errorf("half a key: %v", err)
	}
}

// Another signature of the same payload is no second thing: the block's bytes differ, what is said doesn't.
func TestTwoSignaturesOfOnePayloadAreNoEvidence(t *testing.T) {
	a, b := sign(t, 2, proposal(1)), sign(t, 2, proposal(1))
	b.Signature[0] ^= 1
	if _, err := New(public(2), a, b); !errors.Is(err, ErrNoFault) {
		t.Error(err)
	}
}

func TestEvidenceHoldsOnItsChainAndAgainstItsSignerOnly(t *testing.T) {
	good := twice(t, vote(1), vote(2))
	wrongKey, err := New(public(1), sign(t, 2, vote(1)), sign(t, 2, vote(2)))
	if err != nil {
		t.Fatal(err)
	}
	half, err := New(public(2), sign(t, 2, vote(1)), sign(t, 1, vote(2)))
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := New(public(9), sign(t, 9, vote(1)), sign(t, 9, vote(2)))
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		e       *Evidence
		network uint32
		chain   primitives.Hash
	}{
		"another network":          {good, network + 1, chain},
		"another chain":            {good, network, primitives.Hash{'d'}},
		"another's key":            {wrongKey, network, chain},
		"one of them is another's": {half, network, chain},
		"somebody without a vote":  {stranger, network, chain},
	} {
		if who, err := c.e.Check(c.network, c.chain, four(t)); !errors.Is(err, ErrNoFault) {
			t.Errorf("%s: against validator %d, %v", what, who, err)
		}
	}
}

func TestEvidenceThatWasChangedDoesNotHold(t *testing.T) {
	for _, e := range []*Evidence{twice(t, vote(1), vote(2)), twice(t, proposal(1), proposal(2))} {
		good := e.Encode()
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1
			if got, err := Decode(bad); err == nil {
				if who, err := got.Check(network, chain, four(t)); err == nil {
					t.Errorf("with another byte %d it holds against validator %d", i, who)
				}
			}
		}
		for _, bad := range [][]byte{nil, good[:10], good[:len(good)-1], append(bytes.Clone(good), 0)} {
			if _, err := Decode(bad); !errors.Is(err, ErrMalformed) {
				t.Errorf("%d of %d bytes: %v", len(bad), len(good), err)
			}
		}
		if len(good) > MaxSize {
			t.Errorf("%d bytes", len(good))
		}
	}
}

func TestEvidenceIsMadeOfBlocksAndVotesAsTheyCome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := proposal(rapid.Byte().Draw(t, "body")), proposal(rapid.Byte().Draw(t, "other body"))
		first := block.Sealed{Payload: a, Proposer: 2, Signature: sign(t, 2, a).Signature}
		second := block.Sealed{Payload: b, Proposer: 2, Signature: sign(t, 2, b).Signature}
		check(t, a != b)(OfBlocks(public(2), first, second))
	})
	rapid.Check(t, func(t *rapid.T) {
		cast := func(block byte) finality.Signed {
			v := finality.Signed{Vote: finality.Vote{
				Validator: 2, Round: 2, Phase: signbytes.Commit, Block: primitives.Hash{block},
			}}
			v.Signature = sign(t, 2, vote(block)).Signature
			return v
		}
		a, b := cast(rapid.Byte().Draw(t, "block")), cast(rapid.Byte().Draw(t, "other block"))
		check(t, a.Block != b.Block)(OfVotes(network, chain, 5, public(2), a, b))
	})
}

// check looks at what was made: evidence that holds, or none since there is no fault.
func check(t *rapid.T, fault bool) func(*Evidence, error) {
	return func(e *Evidence, err error) {
		if !fault {
			if !errors.Is(err, ErrNoFault) {
				t.Fatal(err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if who, err := e.Check(network, chain, four(t)); err != nil || who != 2 {
			t.Fatalf("against validator %d, %v", who, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(twice(f, vote(1), vote(2)).Encode())
	f.Add(twice(f, proposal(1), proposal(2)).Encode())
	f.Add([]byte{Version})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Decode(data)
		if err != nil {
			return
		}
		if again := e.Encode(); !bytes.Equal(again, data) || len(data) > MaxSize || e.String() == "" {
			t.Fatalf("%x is read as %x", data, again)
		}
		e.Check(network, chain, four(t)) // with whatever signatures
	})
}
