package candidate

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// PersistedValidationData is what validation takes from the relay chain. It stays with the candidate, so that somebody
// without the relay chain's old state can validate it again.
type PersistedValidationData struct {
	// ParentHead is the para's head before the candidate.
	ParentHead []byte
	// RelayParentNumber is the height of the relay parent, and RelayParentStorageRoot the root of its state.
	RelayParentNumber      uint64
	RelayParentStorageRoot primitives.Hash
	// MaxPoVSize is the length in bytes of the longest proof of validity that is allowed at this relay parent.
	MaxPoVSize uint32
}

const validationDataSize = headerSize + 8 + 32 + 4

// Encode returns the canonical bytes. The error, ErrMalformed, is of a head that is too long.
func (d PersistedValidationData) Encode() ([]byte, error) {
	if n := len(d.ParentHead); n > MaxHeadData {
		return nil, tooLong("a head", uint64(n), MaxHeadData)
	}
	b := begin(kindValidationData, validationDataSize+len(d.ParentHead))
	b = binary.BigEndian.AppendUint64(b, d.RelayParentNumber)
	b = append(b, d.RelayParentStorageRoot[:]...)
	b = binary.BigEndian.AppendUint32(b, d.MaxPoVSize)
	return append(b, d.ParentHead...), nil
}

// Hash is the persisted validation data hash of a descriptor: that of the canonical bytes.
func (d PersistedValidationData) Hash() (primitives.Hash, error) {
	b, err := d.Encode()
	if err != nil {
		return primitives.Hash{}, err
	}
	return primitives.HashOf(b), nil
}

// DecodePersistedValidationData reads what Encode wrote. It keeps no reference to the bytes.
func DecodePersistedValidationData(b []byte) (d PersistedValidationData, err error) {
	r, err := open(b, kindValidationData, validationDataSize, MaxValidationData)
	if err != nil {
		return d, err
	}
	d.RelayParentNumber, d.RelayParentStorageRoot, d.MaxPoVSize = r.u64(), r.hash(), r.u32()
	d.ParentHead = bytes.Clone(r.rest)
	return d, nil
}

// AvailableData is what must stay available so that anybody can judge the candidate: what is erasure coded.
type AvailableData struct {
	// PoV is the proof of validity: the para's block with all that its validation needs.
	PoV            []byte
	ValidationData PersistedValidationData
}

// PoVHash is the hash of a proof of validity, as a descriptor and the blob store name it: that of its bytes.
func PoVHash(pov []byte) primitives.Hash { return primitives.HashOf(pov) }

// Encode returns the canonical bytes. The error, ErrMalformed, is of a head or proof of validity that is too long.
func (a AvailableData) Encode() ([]byte, error) {
	if n := len(a.PoV); n > MaxPoV {
		return nil, tooLong("a proof of validity", uint64(n), MaxPoV)
	}
	validation, err := a.ValidationData.Encode()
	if err != nil {
		return nil, err
	}
	b := begin(kindAvailableData, headerSize+4+len(validation)+len(a.PoV))
	return append(appendBytes(b, validation), a.PoV...), nil
}

// DecodeAvailableData reads what Encode wrote. The proof of validity is part of the bytes, so the caller must not
// change them.
func DecodeAvailableData(b []byte) (a AvailableData, err error) {
	r, err := open(b, kindAvailableData, headerSize+4+validationDataSize, MaxAvailableData)
	if err != nil {
		return a, err
	}
	validation := r.bytes("persisted validation data", MaxValidationData)
	if r.err == nil && len(r.rest) > MaxPoV {
		r.fail(tooLong("a proof of validity", uint64(len(r.rest)), MaxPoV))
	}
	if r.err != nil {
		return a, r.err
	}
	a.PoV = r.rest
	if a.ValidationData, err = DecodePersistedValidationData(validation); err != nil {
		return AvailableData{}, fmt.Errorf("the persisted validation data: %w", err)
	}
	return a, nil
}

// Check tells whether this is the data that the descriptor names, and no longer than it says itself. The error is
// ErrMismatch, and then the candidate is invalid; or ErrMalformed, of data that has no encoding.
func (a AvailableData) Check(d Descriptor) error {
	h, err := a.ValidationData.Hash()
	if err != nil {
		return err
	}
	if err := same("the persisted validation data", d.Collation.PersistedValidationDataHash, h); err != nil {
		return err
	}
	if most := a.ValidationData.MaxPoVSize; uint64(len(a.PoV)) > uint64(most) {
		return fmt.Errorf("%w: the proof of validity has %d bytes, at most %d are allowed at the relay parent",
			ErrMismatch, len(a.PoV), most)
	}
	return same("the proof of validity", d.Collation.PoVHash, PoVHash(a.PoV))
}
