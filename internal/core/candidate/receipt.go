package candidate

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Receipt is a candidate's short form. Its hash is the candidate hash, everywhere.
type Receipt struct {
	Descriptor Descriptor
	// CommitmentsHash is Commitments.Hash.
	CommitmentsHash primitives.Hash
}

// Encode returns the canonical bytes.
func (r Receipt) Encode() []byte {
	b := r.Descriptor.appendTo(begin(kindReceipt, ReceiptSize))
	return append(b, r.CommitmentsHash[:]...)
}

// Hash is the candidate hash: that of the canonical bytes.
func (r Receipt) Hash() primitives.Hash { return primitives.HashOf(r.Encode()) }

// DecodeReceipt reads what Encode wrote. It keeps no reference to the bytes. The signature isn't checked.
func DecodeReceipt(b []byte) (Receipt, error) {
	r, err := open(b, kindReceipt, ReceiptSize, ReceiptSize)
	if err != nil {
		return Receipt{}, err
	}
	receipt := Receipt{Descriptor: r.descriptor(), CommitmentsHash: r.hash()}
	if r.err != nil {
		return Receipt{}, r.err
	}
	return receipt, nil
}

// CommittedReceipt is a candidate's long form. It has the hash of the short form.
type CommittedReceipt struct {
	Descriptor  Descriptor
	Commitments Commitments
}

// Receipt is the short form. The error is that of Commitments.Encode.
func (c CommittedReceipt) Receipt() (Receipt, error) {
	h, err := c.Commitments.Hash()
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Descriptor: c.Descriptor, CommitmentsHash: h}, nil
}

// Hash is the candidate hash: that of the short form. The error is that of Commitments.Encode.
func (c CommittedReceipt) Hash() (primitives.Hash, error) {
	receipt, err := c.Receipt()
	if err != nil {
		return primitives.Hash{}, err
	}
	return receipt.Hash(), nil
}

// Encode returns the canonical bytes. The error is that of Commitments.Encode.
func (c CommittedReceipt) Encode() ([]byte, error) {
	commitments, err := c.Commitments.Encode()
	if err != nil {
		return nil, err
	}
	b := begin(kindCommittedReceipt, headerSize+descriptorSize+len(commitments))
	return append(c.Descriptor.appendTo(b), commitments...), nil
}

// DecodeCommittedReceipt reads what Encode wrote. It keeps no reference to the bytes. The signature isn't checked, nor
// whether descriptor and commitments name the same head: see CheckHead.
func DecodeCommittedReceipt(b []byte) (CommittedReceipt, error) {
	const least = headerSize + descriptorSize + commitmentsSize
	r, err := open(b, kindCommittedReceipt, least, MaxCommittedReceipt)
	if err != nil {
		return CommittedReceipt{}, err
	}
	descriptor := r.descriptor()
	if r.err != nil {
		return CommittedReceipt{}, r.err
	}
	commitments, err := DecodeCommitments(r.rest)
	if err != nil {
		return CommittedReceipt{}, fmt.Errorf("the commitments: %w", err)
	}
	return CommittedReceipt{Descriptor: descriptor, Commitments: commitments}, nil
}

// CheckHead tells whether the descriptor names the head that the commitments have. The error is ErrMismatch.
func (c CommittedReceipt) CheckHead() error {
	return same("the head", c.Descriptor.Collation.ParaHead, primitives.HashOf(c.Commitments.HeadData))
}

func same(what string, named, is primitives.Hash) error {
	if named != is {
		return fmt.Errorf("%w: the hash of %s is %s, it names %s", ErrMismatch, what, is.Short(), named.Short())
	}
	return nil
}
