package finality

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// What the signatures of these tests are about.
const (
	testNetwork = 7
	testHeight  = 12
)

var testChain = primitives.Hash{'c', 'h', 'a', 'i', 'n'}

// signer is the key of validator i.
func signer(i int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
}

// signers makes validators of these stakes that have keys.
func signers(t interface{ Fatal(...any) }, stakes ...uint64) *validators.Set {
	var members []validators.Validator
	for i, s := range stakes {
		key := signer(i).Public().(ed25519.PublicKey)
		members = append(members, validators.Validator{Node: primitives.NodeID{byte(i)}, Key: key, Stake: s})
	}
	set, err := validators.New(members)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// vote has a validator sign a vote about the height of the tests.
func vote(t interface{ Fatal(...any) }, validator int, r uint32, p Phase, block primitives.Hash) Signed {
	v := signed(validator, r, p, block)
	payload, err := v.Payload(testNetwork, testChain, testHeight).Encode()
	if err != nil {
		t.Fatal(err)
	}
	copy(v.Signature[:], ed25519.Sign(signer(validator), payload))
	return v
}

// certificate is that of validators 0, 1 and 3 of four.
func certificate(t interface{ Fatal(...any) }) *Proof {
	var votes []Signed
	for _, v := range []int{0, 1, 3} {
		votes = append(votes, vote(t, v, 2, Commit, blockA))
	}
	return proofOf(votes)
}

func TestWhatIsDecodedIsWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &Proof{
			Phase: rapid.SampledFrom([]Phase{Prepare, Commit}).Draw(t, "phase"),
			Round: rapid.Uint32().Draw(t, "round"),
			Block: primitives.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "block")),
			Votes: []Signature{},
		}
		voters := rapid.SliceOfNDistinct(rapid.IntRange(0, 1<<16-1), 0, 20, rapid.ID).Draw(t, "voters")
		slices.Sort(voters)
		for _, v := range voters {
			signature := [64]byte(rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "signature"))
			want.Votes = append(want.Votes, Signature{Validator: v, Signature: signature})
		}
		height := rapid.Uint64().Draw(t, "height")
		b := want.Encode(height)
		gotHeight, got, err := DecodeProof(b)
		if err != nil || gotHeight != height || len(b) != want.Size() || len(b) > MaxProofSize {
			t.Fatalf("%d bytes, height %d, %v", len(b), gotHeight, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAProofsBytesStayAsTheyAre(t *testing.T) {
	p := &Proof{Phase: Commit, Round: 3, Block: blockA, Votes: []Signature{{1, [64]byte{'s'}}, {258, [64]byte{'t'}}}}
	want := "01" + "02" + "0000000000000005" + "00000003" + hex.EncodeToString(blockA[:]) + "0002" +
		"0001" + "73" + hex.EncodeToString(make([]byte, 63)) + "0102" + "74" + hex.EncodeToString(make([]byte, 63))
	if got := hex.EncodeToString(p.Encode(5)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOnlyCanonicalBytesAreAProof(t *testing.T) {
	of := func(voters ...int) []byte {
		p := &Proof{Phase: Commit, Block: blockA}
		for _, v := range voters {
			p.Votes = append(p.Votes, Signature{Validator: v})
		}
		return p.Encode(1)
	}
	changed := func(at int, to byte) []byte {
		b := of(0, 1)
		b[at] = to
		return b
	}
	most := make([]int, MaxVotes+1)
	for i := range most {
		most[i] = i
	}
	if _, _, err := DecodeProof(of(most[:MaxVotes]...)); err != nil {
		t.Errorf("as many votes as there may be: %v", err)
	}
	for what, b := range map[string][]byte{
		"nothing":             nil,
		"half a header":       of()[:20],
		"another version":     changed(0, 2),
		"no phase":            changed(1, 0),
		"a third phase":       changed(1, 3),
		"fewer votes":         changed(47, 3),
		"more votes":          changed(47, 1),
		"a byte too many":     append(of(0, 1), 0),
		"a byte too few":      of(0, 1)[:100],
		"one vote twice":      of(4, 4),
		"votes in disorder":   of(4, 3),
		"more than there may": of(most...),
	} {
		if _, _, err := DecodeProof(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzDecodeProof(f *testing.F) {
	f.Add(certificate(f).Encode(testHeight))
	f.Add([]byte{ProofVersion, byte(Prepare)})
	f.Fuzz(func(t *testing.T, data []byte) {
		height, p, err := DecodeProof(data)
		if err != nil {
			return
		}
		if again := p.Encode(height); !bytes.Equal(again, data) {
			t.Fatalf("%x is read as %+v, which is %x", data, p, again)
		}
	})
}

func TestAProofHoldsForItsPlaceAndItsValidatorsOnly(t *testing.T) {
	set := signers(t, 1, 1, 1, 1)
	good := certificate(t)
	if err := good.Verify(testNetwork, testChain, testHeight, set); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"another network": good.Verify(testNetwork+1, testChain, testHeight, set),
		"another chain":   good.Verify(testNetwork, primitives.Hash{'d'}, testHeight, set),
		"another height":  good.Verify(testNetwork, testChain, testHeight+1, set),
		"more validators": good.Verify(testNetwork, testChain, testHeight, signers(t, 1, 1, 1, 1, 1)),
		"other stakes":    good.Verify(testNetwork, testChain, testHeight, signers(t, 1, 1, 2, 1)),
		"no keys":         good.Verify(testNetwork, testChain, testHeight, setOf(t, 1, 1, 1, 1)),
	} {
		if !errors.Is(err, ErrNoProof) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAProofThatWasChangedDoesNotHold(t *testing.T) {
	set := signers(t, 1, 1, 1, 1)
	good := certificate(t).Encode(testHeight)
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1
		height, p, err := DecodeProof(b)
		if err == nil && p.Verify(testNetwork, testChain, height, set) == nil {
			t.Errorf("it holds with another byte %d", i)
		}
	}
}

func TestAVoteIsItsValidators(t *testing.T) {
	set := signers(t, 1, 1, 1, 1)
	check := func(v Signed) bool { return VerifyVote(testNetwork, testChain, testHeight, set, v) }
	good := vote(t, 2, 5, Prepare, None)
	if !check(good) {
		t.Fatal("a vote for nothing doesn't hold")
	}
	for what, change := range map[string]func(*Signed){
		"validator":  func(v *Signed) { v.Validator = 1 },
		"a stranger": func(v *Signed) { v.Validator = 4 },
		"nobody":     func(v *Signed) { v.Validator = -1 },
		"round":      func(v *Signed) { v.Round = 6 },
		"phase":      func(v *Signed) { v.Phase = Commit },
		"no phase":   func(v *Signed) { v.Phase = 0 },
		"block":      func(v *Signed) { v.Block = blockA },
		"signature":  func(v *Signed) { v.Signature[40] ^= 1 },
	} {
		v := good
		if change(&v); check(v) {
			t.Errorf("it holds with another %s", what)
		}
	}
}
