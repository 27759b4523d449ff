package parachain_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
)

// Many claims, of which some are false in one way or another, are judged like each alone.
func TestManyClaimsAreJudgedLikeEachAlone(t *testing.T) {
	verifier := parachain.NewVerifier()
	var keys []ed25519.PrivateKey
	for i := range byte(8) {
		keys = append(keys, ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), i)))
	}
	in := signbytes.Context{Session: 1, RelayParent: primitives.Hash{1}}
	rapid.Check(t, func(t *rapid.T) {
		var claims []parachain.Claim
		var want []bool
		for range rapid.IntRange(0, 70).Draw(t, "claims") {
			signer := rapid.IntRange(0, len(keys)-1).Draw(t, "signer")
			s := statements.Signed{Verdict: signbytes.Valid, Candidate: primitives.Hash{rapid.Byte().Draw(t, "candidate")}}
			payload, err := s.Payload(in).Encode()
			if err != nil {
				t.Fatal(err)
			}
			copy(s.Signature[:], ed25519.Sign(keys[signer], payload))
			c := parachain.StatementClaim(in, s, keys[signer].Public().(ed25519.PublicKey))
			how := rapid.SampledFrom([]string{"", "", "", "", "signature", "key", "no key", "verdict"}).Draw(t, "how")
			switch how {
			case "signature":
				c.Signature[rapid.IntRange(0, 63).Draw(t, "at")] ^= 1
			case "key":
				c.Key = keys[(signer+1)%len(keys)].Public().(ed25519.PublicKey)
			case "no key":
				c.Key = nil
			case "verdict":
				s.Verdict = 9
				c.Payload = s.Payload(in)
			}
			claims, want = append(claims, c), append(want, how == "")
			if c.Holds() != (how == "") {
				t.Fatalf("alone, with a false %s", how)
			}
		}
		if diff := cmp.Diff(want, verifier.Verify(claims), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A signature that satisfies the equation of many alone, by a point of small order in it, is judged alike alone and
// among others: or else the nodes that got it among others would take it, and the rest not.
func TestASignatureThatOnlySomeRulesAcceptIsJudgedAlikeEverywhere(t *testing.T) {
	var c parachain.Claim
	c.Payload = signbytes.Statement{Context: signbytes.Context{Session: 1}, Verdict: signbytes.Valid}
	small := make([]byte, ed25519.PublicKeySize)
	small[0] = 1                            // the neutral point, whose multiples are all itself
	c.Key = small                           // a key of small order
	copy(c.Signature[:], small)             // R is of small order, S is 0
	order8 := append([]byte(nil), small...) // another point of small order: (0, -1)
	copy(order8, []byte{0xec})
	for i := 1; i < 31; i++ {
		order8[i] = 0xff
	}
	order8[31] = 0x7f
	for name, r := range map[string][]byte{"neutral": small, "of order 2": order8} {
		copy(c.Signature[:], r)
		alone := c.Holds()
		for range 16 {
			among := parachain.NewVerifier().Verify([]parachain.Claim{c, c, c})
			for _, good := range among {
				if good != alone {
					t.Fatalf("%s: alone %t, among others %t", name, alone, good)
				}
			}
		}
	}
}
