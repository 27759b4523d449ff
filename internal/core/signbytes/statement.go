package signbytes

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Context is what a statement or bitfield is made in.
type Context struct {
	Session     uint32
	RelayParent primitives.Hash
}

// Verdict is what a statement says about its candidate.
type Verdict uint8

const (
	Seconded Verdict = 1
	Valid    Verdict = 2
	Invalid  Verdict = 3
)

// String is the verdict's name.
func (v Verdict) String() string {
	switch v {
	case Seconded:
		return "seconded"
	case Valid:
		return "valid"
	case Invalid:
		return "invalid"
	}
	return fmt.Sprintf("verdict %d", uint8(v))
}

// Statement is what a validator says about a candidate, in its compact form.
type Statement struct {
	Context
	Verdict   Verdict
	Candidate primitives.Hash
}

func (Statement) Kind() Kind { return KindStatement }

// Encode is Payload.Encode; a verdict other than the three has no encoding.
func (s Statement) Encode() ([]byte, error) {
	if s.Verdict < Seconded || s.Verdict > Invalid {
		return nil, malformed("a statement says seconded, valid or invalid, not %d", s.Verdict)
	}
	w := newWriter(KindStatement, statementSize)
	w.u32(s.Session)
	w.hash(s.RelayParent)
	w.b = append(w.b, byte(s.Verdict))
	w.hash(s.Candidate)
	return w.b, nil
}

func (s Statement) String() string {
	return fmt.Sprintf("statement that candidate %s is %s, in session %d at relay parent %s",
		s.Candidate.Short(), s.Verdict, s.Session, s.RelayParent.Short())
}

func decodeStatement(r *reader) (Payload, error) {
	s := Statement{
		Context: Context{Session: r.u32(), RelayParent: r.hash()}, Verdict: Verdict(r.take(1)[0]), Candidate: r.hash(),
	}
	if !r.short && (s.Verdict < Seconded || s.Verdict > Invalid) {
		return nil, malformed("a statement says seconded, valid or invalid, not %d", s.Verdict)
	}
	return s, nil
}
