package node

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proof"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

func TestWhatTheHostKeepsMakesAProof(t *testing.T) {
	c := block.Chain{NetworkID: 7, ID: primitives.Hash{'c'}}
	unsigned := make([]byte, ed25519.SignatureSize)
	b, err := block.New(c, block.Header{Height: 5}, block.Body(nil, []byte("content")), unsigned)
	if err != nil {
		t.Fatal(err)
	}
	certificate := &finality.Proof{Phase: finality.Commit, Block: b.ID(), Votes: []finality.Signature{{Validator: 0}}}
	file, err := proofOf(c, &vmv1.AcceptedBlock{ConsensusBlock: b.Bytes(), Certificate: certificate.Encode(5)})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := proof.Decode(file); err != nil || p.Header.ID() != b.ID() || len(p.Certificate.Votes) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := proofOf(c, &vmv1.AcceptedBlock{ConsensusBlock: b.Bytes()}); !errors.Is(err, gateway.ErrNoProof) {
		t.Errorf("without a certificate: %v", err)
	}
	for what, kept := range map[string]*vmv1.AcceptedBlock{
		"another height": {ConsensusBlock: b.Bytes(), Certificate: certificate.Encode(6)},
		"no block":       {Certificate: certificate.Encode(5)},
		"damaged":        {ConsensusBlock: b.Bytes(), Certificate: []byte("damaged")},
		"another block":  {ConsensusBlock: b.Bytes(), Certificate: (&finality.Proof{Phase: finality.Commit}).Encode(5)},
	} {
		if _, err := proofOf(c, kept); err == nil {
			t.Errorf("%s: it is a proof", what)
		}
	}
}
