package snowman

import (
	"crypto/ed25519"
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/validators"
)

// signers are four validators with keys, and a core of the first in which nothing is replaced.
type signers struct {
	t    *testing.T
	keys []ed25519.PrivateKey
	set  *validators.Set
	*Core
	now time.Time
}

func newSigners(t *testing.T) *signers {
	s := &signers{t: t, now: time.Unix(1_000_000, 0)}
	var members []validators.Validator
	for i := range 4 {
		key := ed25519.NewKeyFromSeed(slices.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
		s.keys = append(s.keys, key)
		members = append(members, validators.Validator{Node: node(i), Stake: 1, Key: key.Public().(ed25519.PublicKey)})
	}
	var err error
	if s.set, err = validators.New(members); err != nil {
		t.Fatal(err)
	}
	s.Core, err = New(Config{Chain: testChain, Self: node(0), Validators: s.set, Rand: testRand(),
		Parameters: snowball.For(s.set.Units())}, testRoot, s.now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		s.Step(s.now, PeerConnected{Node: node(i + 1)})
	}
	return s
}

// block is one of the first proposer, signed by the one who comes so many places after it.
func (s *signers) block(after int) *block.Block {
	s.t.Helper()
	p := proposer.Order(s.set, testChain, 1)[0]
	h := block.Header{Height: 1, Parent: testRoot.ID, Proposer: uint32(p), Time: uint64(s.now.UnixMilli())}
	body := block.Body(nil, []byte("for the VM"))
	payload, err := h.Payload(testChain, primitives.HashOf(body)).Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := block.New(testChain, h, body, ed25519.Sign(s.keys[(p+after)%4], payload))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// certificate is three commit votes for a block, of which the last is signed by the one who comes so many places after.
func (s *signers) certificate(b *block.Block, after int) []byte {
	s.t.Helper()
	p := &finality.Proof{Phase: finality.Commit, Block: b.ID()}
	for i := range 3 {
		v := finality.Vote{Validator: i, Phase: finality.Commit, Block: b.ID()}
		payload, err := v.Payload(testChain.NetworkID, testChain.ID, 1).Encode()
		if err != nil {
			s.t.Fatal(err)
		}
		key := s.keys[i]
		if i == 2 {
			key = s.keys[(i+after)%4]
		}
		p.Votes = append(p.Votes, finality.Signature{Validator: i, Signature: [64]byte(ed25519.Sign(key, payload))})
	}
	return p.Encode(1)
}

func holds[A Action](out []Action) bool {
	return slices.ContainsFunc(out, func(a Action) bool { _, ok := a.(A); return ok })
}

// Blocks and certificates count with the signatures of whom they name, and cost who brings others.
func TestOnlyWhatItsValidatorsHaveSignedCounts(t *testing.T) {
	for after, genuine := range []bool{true, false} {
		s := newSigners(t)
		b := s.block(after)
		out := s.Step(s.now, PushQuery{Node: node(1), RequestID: 1, Container: b.Bytes(), Height: 1})
		if holds[Verify](out) != genuine || holds[Report](out) == genuine {
			t.Errorf("a block with the signature of %d after its proposer: %+v", after, out)
		}
		s = newSigners(t)
		b = s.block(0)
		out = s.Step(s.now, Certified{Node: node(1), Container: b.Bytes(), Certificate: s.certificate(b, after)})
		if holds[Accept](out) != genuine || holds[Report](out) == genuine {
			t.Errorf("a certificate with the signature of %d after its voter: %+v", after, out)
		}
	}
}
