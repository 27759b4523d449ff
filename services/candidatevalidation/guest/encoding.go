package guest

import (
	"encoding/binary"
	"errors"
)

// The first byte of Params, and the first two of Outputs, whose encoding is that of a candidate's commitments
// (docs/candidates.md).
const (
	paramsVersion     = 1
	encodingVersion   = 1
	kindOfCommitments = 3
)

// paramsSize is the length in bytes of Params without head and block data.
const paramsSize = 1 + 4 + 8 + 32

// ErrMalformed: the bytes are no Params of this version.
var ErrMalformed = errors.New("not the parameters of a validation")

// Encode returns the bytes that validation code is given.
func (p Params) Encode() []byte {
	b := make([]byte, 0, paramsSize+len(p.ParentHead)+len(p.BlockData))
	b = binary.BigEndian.AppendUint32(append(b, paramsVersion), uint32(len(p.ParentHead)))
	b = append(b, p.ParentHead...)
	b = binary.BigEndian.AppendUint64(b, p.RelayParentNumber)
	b = append(b, p.RelayParentStorageRoot[:]...)
	return append(b, p.BlockData...)
}

// DecodeParams reads what Encode wrote. The fields are parts of the bytes.
func DecodeParams(b []byte) (p Params, err error) {
	if len(b) < paramsSize || b[0] != paramsVersion {
		return p, ErrMalformed
	}
	head, rest := binary.BigEndian.Uint32(b[1:]), b[5:]
	if uint64(head) > uint64(len(b)-paramsSize) {
		return p, ErrMalformed
	}
	p.ParentHead, rest = rest[:head:head], rest[head:]
	p.RelayParentNumber, rest = binary.BigEndian.Uint64(rest), rest[8:]
	p.RelayParentStorageRoot, p.BlockData = [32]byte(rest), rest[32:]
	return p, nil
}

// Encode returns the bytes that validation code answers with. What is longer than a candidate's commitments may be is
// encoded nevertheless, and makes the candidate invalid.
func (o Outputs) Encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte{encodingVersion, kindOfCommitments}, o.ProcessedDownwardMessages)
	if o.NewValidationCode == nil {
		b = append(b, 0)
	} else {
		b = append(append(b, 1), o.NewValidationCode.Hash[:]...)
		b = binary.BigEndian.AppendUint64(b, o.NewValidationCode.Size)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(o.UpwardMessages)))
	for _, m := range o.UpwardMessages {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(m))), m...)
	}
	return append(b, o.HeadData...)
}
