// Package statements is the statement table of one relay parent: what validators have said about candidates, which of
// these have a quorum of their group behind them, and who has said what no honest validator says.
//
// It is pure. It takes statements whose signatures have been checked, and keeps neither receipts nor anything else of a
// candidate than its hash and para: who needs more keeps that beside it. It accuses with proof only, and punishes
// nobody: what follows from a misbehavior is for others to decide.
//
// A candidate is known when a member of its para's group has seconded it; what is said about others isn't kept. Each
// validator's first word about a candidate is the one that counts. Of the candidates that a validator seconds at a
// relay parent the first has its vote; the second is the proof of a double vote, and stands or falls with the others'
// votes; further ones are nothing. So whatever a validator signs, it makes the table keep two candidates and few words
// about each candidate of its group (MostKept).
package statements

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// Signed is what a validator says about a candidate, with its signature.
type Signed struct {
	Verdict   signbytes.Verdict
	Candidate primitives.Hash
	// Validator is its index in the session's set.
	Validator uint32
	Signature [ed25519.SignatureSize]byte
}

// Payload is what was signed, in its context.
func (s Signed) Payload(in signbytes.Context) signbytes.Statement {
	return signbytes.Statement{Context: in, Verdict: s.Verdict, Candidate: s.Candidate}
}

// vouches tells whether the statement says that the candidate is valid. Who seconds one says so, too.
func (s Signed) vouches() bool {
	return s.Verdict == signbytes.Seconded || s.Verdict == signbytes.Valid
}

// Config is what the relay parent's state says.
type Config struct {
	// Validators is how many there are in the session. Nobody else is heard.
	Validators int
	// Groups are the members of the group that is assigned to each para, in the group's order. A para without one has
	// no core; a validator is in one group only.
	Groups map[uint32][]uint32
}

// Table is the statement table. It has one caller at a time.
type Table struct {
	cfg        Config
	candidates map[primitives.Hash]*candidate
	seconded   map[uint32][]Signed // by validator, at most maxSeconded
	reported   map[uint32]kinds    // of which validator what was reported
	backable   []Attested          // in the order in which they became so
}

// New makes an empty table. It keeps the groups, which nobody may change.
func New(cfg Config) *Table {
	return &Table{
		cfg: cfg, candidates: map[primitives.Hash]*candidate{}, seconded: map[uint32][]Signed{},
		reported: map[uint32]kinds{},
	}
}

// Knows tells whether a member of its group has seconded the candidate. Who keeps receipts needs those of known
// candidates.
func (t *Table) Knows(id primitives.Hash) bool { return t.candidates[id] != nil }
