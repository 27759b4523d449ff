package inherent

import "fmt"

// Reason is why something can't go into a block.
type Reason uint8

// The reasons, in the order in which is looked for them: first those of bitfields, then those of candidates, and at the
// end those of both.
const (
	// MalformedBits: the bytes of a row of bits don't fit its length.
	MalformedBits Reason = iota + 1
	// WrongLength: the bitfield hasn't one bit for each core.
	WrongLength
	// UnknownValidator: there is no such validator.
	UnknownValidator
	// UnoccupiedCore: a bit is set for a core without a candidate.
	UnoccupiedCore
	// Superseded: another bitfield of the validator is there.
	Superseded
	// NothingNew: all that it says is known from earlier blocks.
	NothingNew

	// RelayParentOutOfRange: it was built on a block on which it may not be.
	RelayParentOutOfRange
	// NotScheduled: its para has no core.
	NotScheduled
	// CoreOccupied: on its para's core is one that is neither available nor out of time.
	CoreOccupied
	// CoreTaken: another candidate has been put on the core.
	CoreTaken
	// WrongCollator: the core is claimed for another collator.
	WrongCollator
	// ValidationDataMismatch: it was validated against another state of its para or of the relay chain.
	ValidationDataMismatch
	// SecondUpgrade: another candidate brings new validation code already.
	SecondUpgrade
	// MalformedVotes: its votes don't fit the group.
	MalformedVotes
	// BelowQuorum: too few of the group vouch for it.
	BelowQuorum

	// OutOfOrder: it comes after what it has to come before.
	OutOfOrder
	// TooMany: there are as many as there may be.
	TooMany
	// NoRoom: with it there would be more bytes than there may be.
	NoRoom
	// TriedEnough: as many signatures of the validator, or for the core, were wrong as are looked at.
	TriedEnough
	// BadSignature: a signature doesn't hold.
	BadSignature
)

var sentences = map[Reason]string{
	MalformedBits:          "its bits don't fit their length",
	WrongLength:            "it hasn't one bit for each core",
	UnknownValidator:       "there is no such validator",
	UnoccupiedCore:         "a bit is set for a core without a candidate",
	Superseded:             "there is another one of the same validator",
	NothingNew:             "all that it says is known from earlier blocks",
	RelayParentOutOfRange:  "it was built on a block on which it may not be built",
	NotScheduled:           "its para has no core",
	CoreOccupied:           "what is on its para's core is neither available nor out of time",
	CoreTaken:              "another candidate has its core",
	WrongCollator:          "the core is claimed for another collator",
	ValidationDataMismatch: "it was validated against other data than the chain has for its para",
	SecondUpgrade:          "another candidate of the block brings new validation code",
	MalformedVotes:         "its votes don't fit its group",
	BelowQuorum:            "too few of its group vouch for it",
	OutOfOrder:             "it comes after one that it has to come before",
	TooMany:                "there are as many as a block may have",
	NoRoom:                 "the block would be too large",
	TriedEnough:            "too many signatures in its place were wrong",
	BadSignature:           "a signature doesn't hold",
}

// String is the reason as half a sentence.
func (r Reason) String() string {
	if s, ok := sentences[r]; ok {
		return s
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Error says what a block must not have.
func (l LeftOut) Error() string {
	what := "bitfield"
	if l.Candidate {
		what = "candidate"
	}
	return fmt.Sprintf("%s %d of the inherent can't be there: %s", what, l.Index, l.Reason)
}
