package knowledge

// Conduct is what a peer's statement costs it, below zero, or earns it, above.
type Conduct struct {
	Value  int32
	Reason string
}

// What a statement is worth. At reputation.Threshold a peer is banned.
const (
	CostUnexpected   = -100
	CostBadSignature = -500
	CostDuplicate    = -250
	CostFlood        = -1000
	BenefitValid     = 5
	BenefitFirst     = 25
)

// What peers do, in the order in which it is looked for.
var (
	// OutOfView: this node doesn't have the relay parent in view, and hasn't had it lately.
	OutOfView = Conduct{CostUnexpected, "a statement about a relay parent out of this node's view"}
	// BadSignature: the signature is wrong, there is no such validator, or no such verdict.
	BadSignature = Conduct{CostBadSignature, "a statement with a wrong signature"}
	// OutOfItsView: the peer itself doesn't have the relay parent in view.
	OutOfItsView = Conduct{CostUnexpected, "a statement about a relay parent out of the peer's view"}
	// Duplicate: the peer has sent the statement before.
	Duplicate = Conduct{CostDuplicate, "a statement that it had sent before"}
	// ThirdCandidate: the peer has sent two other candidates that the validator seconds.
	ThirdCandidate = Conduct{CostUnexpected, "a third candidate that a validator seconds"}
	// UnknownCandidate: neither has told the other of the candidate.
	UnknownCandidate = Conduct{CostUnexpected, "a statement about a candidate that wasn't seconded"}
	// Flood: there are more about the candidate, or of the validator, than an honest peer has.
	Flood = Conduct{CostFlood, "more statements than there can be"}
	// Valid: others have been faster.
	Valid = Conduct{BenefitValid, "a statement that holds"}
	// First: it brings news.
	First = Conduct{BenefitFirst, "a statement that is new"}
)
