// Package proof is a file that proves, to anybody who has the validators of a chain, that the chain has decided a
// block: the block's header, and its certificate. It takes bytes and validators and returns a verdict; it asks no node
// and believes none.
//
// The bytes, in this order:
//
//	magic        8 bytes  "reeveprf"
//	version      1        1
//	header     200        package block: its hash is the block's id, and it holds chain, height and the body's hash
//	certificate           package finality, up to the end
//
// What the block says isn't in it. Whoever has the body compares its hash with the header's.
package proof

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/validators"
)

// Version of the file.
const Version = 1

const (
	magic      = "reeveprf"
	prefixSize = len(magic) + 1 + block.SealedSize
)

// MaxSize is the length in bytes of the longest file.
const MaxSize = prefixSize + finality.MaxProofSize

var (
	// ErrMalformed: the bytes aren't such a file.
	ErrMalformed = errors.New("not a proof of a block")
	// ErrOther: it may be a proof, and it is one of something else.
	ErrOther = errors.New("it proves something else")
)

// Proof is the content of the file.
type Proof struct {
	Header      block.Sealed
	Certificate *finality.Proof
}

// Encode returns the bytes of the file.
func (p *Proof) Encode() []byte {
	return slices.Concat(
		[]byte(magic), []byte{Version}, p.Header.Encode(), p.Certificate.Encode(p.Header.Payload.Height),
	)
}

// Decode reads a file. It may come from anywhere; nothing of what it says is true before Verify.
func Decode(b []byte) (*Proof, error) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: it doesn't begin with %q", ErrMalformed, magic)
	case len(b) < prefixSize:
		return nil, fmt.Errorf("%w: it ends after %d bytes", ErrMalformed, len(b))
	case rest[0] != Version:
		return nil, fmt.Errorf("%w: version %d, this program knows %d", ErrMalformed, rest[0], Version)
	}
	header, err := block.DecodeSealed(rest[1 : 1+block.SealedSize])
	if err != nil {
		return nil, fmt.Errorf("%w: the header is %w", ErrMalformed, err)
	}
	height, certificate, err := finality.DecodeProof(rest[1+block.SealedSize:])
	if err != nil {
		return nil, fmt.Errorf("%w: the certificate is %w", ErrMalformed, err)
	}
	if height != header.Payload.Height {
		return nil, fmt.Errorf("%w: the header is of height %d, the certificate of height %d",
			ErrMalformed, header.Payload.Height, height)
	}
	return &Proof{Header: header, Certificate: certificate}, nil
}

// Verify tells whether the chain with these validators has decided the block of the header. An error is ErrOther or
// finality.ErrNoProof and says why not.
func (p *Proof) Verify(c block.Chain, set *validators.Set) error {
	h, id := p.Header.Payload, p.Header.ID()
	switch {
	case h.NetworkID != c.NetworkID || h.ChainID != c.ID:
		return fmt.Errorf("%w: the block is of chain %s of network %d, not of chain %s of network %d",
			ErrOther, h.ChainID.Short(), h.NetworkID, c.ID.Short(), c.NetworkID)
	case p.Certificate.Phase != finality.Commit:
		return fmt.Errorf("%w: votes to %s a block don't decide it", ErrOther, p.Certificate.Phase)
	case p.Certificate.Block != id:
		return fmt.Errorf("%w: the votes are for block %s, the header is that of block %s",
			ErrOther, p.Certificate.Block.Short(), id.Short())
	}
	return p.Certificate.Verify(c.NetworkID, c.ID, h.Height, set)
}
