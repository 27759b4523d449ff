package statements

import "fmt"

// Kind is what a misbehavior is.
type Kind uint8

// The kinds of misbehavior, as the messages of the node name them.
const (
	// Disagreement: members of a group differ on whether a candidate is valid. One side is wrong; which one, this
	// doesn't say.
	Disagreement Kind = iota + 1
	// SelfContradiction: a validator has said two things about one candidate. Who seconds it need not call it valid as
	// well, and no honest one does.
	SelfContradiction
	// DoubleVote: a validator has seconded two candidates at one relay parent.
	DoubleVote
	// Unauthorized: a validator has spoken about a candidate of another group.
	Unauthorized
	// DoubleSign: a validator has signed one statement in two ways. Honest signers are deterministic.
	DoubleSign
)

// String names the kind in a log.
func (k Kind) String() string {
	switch k {
	case Disagreement:
		return "disagreement on validity"
	case SelfContradiction:
		return "self-contradiction"
	case DoubleVote:
		return "double vote"
	case Unauthorized:
		return "unauthorized statement"
	case DoubleSign:
		return "double signature"
	}
	return fmt.Sprintf("misbehavior of unknown kind %d", uint8(k))
}

// Misbehavior is what shouldn't have been signed, with the signatures.
type Misbehavior struct {
	Kind Kind
	// Statements prove it. Of a validator against itself there are two, that which came first before the other; of an
	// unauthorized one, that one; of a disagreement, the first word of each member that has said any, in the order of
	// the group.
	Statements []Signed
}

// kinds is a set of them.
type kinds uint8

// accuse reports a validator, once for each kind: one proof of it is enough, and nobody makes reports without end.
// Disagreements are those of a candidate: see disagrees.
func (t *Table) accuse(out *Outcome, k Kind, proof ...Signed) {
	who, bit := proof[0].Validator, kinds(1)<<k
	if t.reported[who]&bit == 0 {
		t.reported[who] |= bit
		out.Misbehavior = append(out.Misbehavior, Misbehavior{k, proof})
	}
}
