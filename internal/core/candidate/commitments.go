package candidate

import (
	"bytes"
	"encoding/binary"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Commitments is what executing the candidate yields and what the relay chain will act upon.
type Commitments struct {
	// HeadData is the para's head after the candidate.
	HeadData []byte
	// UpwardMessages go to the relay chain, in this order.
	UpwardMessages [][]byte
	// NewValidationCode is what the para upgrades to; nil when it doesn't.
	NewValidationCode *Code
	// ProcessedDownwardMessages is how many messages from the relay chain the candidate has consumed.
	ProcessedDownwardMessages uint32
}

// Code names validation code: it lies in the blob store.
type Code struct {
	// Hash is SHA-256 of the code.
	Hash primitives.Hash
	// Size is its length in bytes.
	Size uint64
}

// The least encoding of commitments: consumed messages, no code, no messages, no head.
const commitmentsSize = headerSize + 4 + 1 + 4

func (c Commitments) size() int {
	size := commitmentsSize + len(c.HeadData)
	if c.NewValidationCode != nil {
		size += primitives.HashSize + 8
	}
	for _, m := range c.UpwardMessages {
		size += 4 + len(m)
	}
	return size
}

func (c Commitments) check() error {
	if n := len(c.HeadData); n > MaxHeadData {
		return tooLong("a head", uint64(n), MaxHeadData)
	}
	if n := len(c.UpwardMessages); n > MaxUpwardMessages {
		return tooMany(uint64(n))
	}
	for _, m := range c.UpwardMessages {
		if len(m) > MaxUpwardMessage {
			return tooLong("a message to the relay chain", uint64(len(m)), MaxUpwardMessage)
		}
	}
	if n := c.size(); n > MaxCommitments {
		return tooLong("commitments", uint64(n), MaxCommitments)
	}
	return nil
}

// Encode returns the canonical bytes. What validation code yields may be too long to have any: ErrMalformed.
func (c Commitments) Encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	b := begin(kindCommitments, c.size())
	b = binary.BigEndian.AppendUint32(b, c.ProcessedDownwardMessages)
	if c.NewValidationCode == nil {
		b = append(b, 0)
	} else {
		b = append(append(b, 1), c.NewValidationCode.Hash[:]...)
		b = binary.BigEndian.AppendUint64(b, c.NewValidationCode.Size)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.UpwardMessages)))
	for _, m := range c.UpwardMessages {
		b = appendBytes(b, m)
	}
	return append(b, c.HeadData...), nil
}

// Hash is the commitments hash of a receipt: that of the canonical bytes.
func (c Commitments) Hash() (primitives.Hash, error) {
	b, err := c.Encode()
	if err != nil {
		return primitives.Hash{}, err
	}
	return primitives.HashOf(b), nil
}

// DecodeCommitments reads what Encode wrote. It keeps no reference to the bytes.
func DecodeCommitments(b []byte) (c Commitments, err error) {
	r, err := open(b, kindCommitments, commitmentsSize, MaxCommitments)
	if err != nil {
		return c, err
	}
	c.ProcessedDownwardMessages = r.u32()
	c.NewValidationCode = r.code()
	c.UpwardMessages = r.messages()
	c.HeadData = bytes.Clone(r.rest)
	if r.err == nil {
		r.err = c.check()
	}
	if r.err != nil {
		return Commitments{}, r.err
	}
	return c, nil
}

// messages reads how many there are, and them.
func (r *reader) messages() (all [][]byte) {
	count := r.u32()
	if count > MaxUpwardMessages {
		r.fail(tooMany(uint64(count)))
	}
	for i := uint32(0); i < count && r.err == nil; i++ {
		all = append(all, bytes.Clone(r.bytes("a message to the relay chain", MaxUpwardMessage)))
	}
	return all
}

func tooMany(n uint64) error {
	return malformed("%d messages to the relay chain, at most %d are allowed", n, MaxUpwardMessages)
}

// code reads whether there is code, and which.
func (r *reader) code() *Code {
	switch there := r.u8(); there {
	case 0:
		return nil
	case 1:
		return &Code{Hash: r.hash(), Size: r.u64()}
	default:
		r.fail(malformed("new code is there (1) or not (0), not %d", there))
		return nil
	}
}
