// Package candidate is a parachain block on its way into the relay chain, as every part of the node sees it: what is
// promised about it, in which context it was made, and the data that it can be judged by. It gives each of these one
// encoding and one hash; it asks nobody and keeps nothing, and it believes nothing that it decodes: bytes come from
// peers and collators.
//
// The layouts are in docs/candidates.md, with vectors. Every encoding begins with its version and its kind, so no bytes
// are two things; lengths come before what they measure, but for the last part, which goes on to the end. A value has
// one encoding, and nothing else decodes.
//
// The arithmetic that goes with it, quorums and the groups of cores, is package primitives'.
package candidate

import (
	"errors"
	"fmt"
)

// Version of the encodings.
const Version = 1

// Bounds of what has an encoding. The relay chain's configuration may allow less.
const (
	// MaxHeadData is the length in bytes of the longest head of a para.
	MaxHeadData = 64 << 10
	// MaxUpwardMessages is how many messages to the relay chain a candidate may send, and MaxUpwardMessage the length
	// in bytes of the longest.
	MaxUpwardMessages = 64
	MaxUpwardMessage  = 64 << 10
	// MaxCommitments is the length in bytes of the longest encoding of commitments, all messages included.
	MaxCommitments = 256 << 10
	// MaxPoV is the length in bytes of the longest proof of validity.
	MaxPoV = 10 << 20
)

// The lengths in bytes of the other encodings: a receipt has one, the rest have a longest.
const (
	ReceiptSize         = headerSize + descriptorSize + 32
	MaxCommittedReceipt = headerSize + descriptorSize + MaxCommitments
	MaxValidationData   = validationDataSize + MaxHeadData
	MaxAvailableData    = headerSize + 4 + MaxValidationData + MaxPoV
)

// ErrMalformed: bytes aren't the encoding of what they should be, or a value is too long to have one.
var ErrMalformed = errors.New("not a candidate's canonical bytes")

// ErrMismatch: what belongs to a candidate isn't what its descriptor names.
var ErrMismatch = errors.New("not what the candidate's descriptor names")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
