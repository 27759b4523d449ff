package bitfields

// Conduct is what a peer's bitfield costs it, below zero, or earns it, above.
type Conduct struct {
	Value  int32
	Reason string
}

// What a bitfield is worth. At reputation.Threshold a peer is banned.
const (
	CostOutOfView    = -51
	CostNoValidators = -133
	CostBadIndex     = -100
	CostDuplicate    = -500
	CostBadSignature = -100
	BenefitValid     = 10
	BenefitFirst     = 15
)

// What peers do, in the order in which it is looked for.
var (
	// OutOfView: this node doesn't work on the relay parent, and hasn't lately.
	OutOfView = Conduct{CostOutOfView, "a bitfield about a relay parent out of this node's view"}
	// NoValidators: the session has none, so nobody can have signed it.
	NoValidators = Conduct{CostNoValidators, "a bitfield in a session without validators"}
	// BadIndex: there is no such validator.
	BadIndex = Conduct{CostBadIndex, "a bitfield of a validator that there isn't"}
	// Duplicate: the peer has sent one of this validator before.
	Duplicate = Conduct{CostDuplicate, "a second bitfield of one validator"}
	// BadSignature: the signature is wrong.
	BadSignature = Conduct{CostBadSignature, "a bitfield with a wrong signature"}
	// Valid: others have been faster.
	Valid = Conduct{BenefitValid, "a bitfield that holds"}
	// First: it brings news.
	First = Conduct{BenefitFirst, "a bitfield that is new"}
)
