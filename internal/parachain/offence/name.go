package offence

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
)

// Account is the validator whose doing the evidence is counted as, where room is shared out: who is blamed; of a
// disagreement the first of the smaller side, of equal ones of those who say invalid. So who is at odds with all others
// takes nobody's room but his own.
func (f *Finding) Account() uint32 {
	if f.Kind != statements.Disagreement {
		return f.Said[0].Validator
	}
	valid, invalid := f.Sides()
	if len(valid) < len(invalid) {
		return valid[0]
	}
	return invalid[0]
}

// Sides are the validators that say valid, and those that say invalid, ascending.
func (f *Finding) Sides() (valid, invalid []uint32) {
	for _, s := range f.Said {
		if s.Verdict == signbytes.Invalid {
			invalid = append(invalid, s.Validator)
		} else {
			valid = append(valid, s.Validator)
		}
	}
	slices.Sort(valid)
	slices.Sort(invalid)
	return valid, invalid
}

// ID names a report: the same, in whatever order its statements come. The relay chain's record of it has the same name.
func (f *Finding) ID() primitives.Hash {
	said := slices.Clone(f.Said)
	slices.SortFunc(said, func(a, b statements.Signed) int { return bytes.Compare(line(a), line(b)) })
	about := f.Candidate
	if f.Kind == statements.DoubleSign && len(said) > 0 {
		about = said[0].Candidate
	}
	b := append([]byte("reeve relay offence\x00"), byte(f.Kind))
	b = binary.BigEndian.AppendUint32(b, f.Context.Session)
	b = append(b, f.Context.RelayParent[:]...)
	b = append(b, about[:]...)
	for _, s := range said {
		b = append(b, line(s)...)
	}
	return primitives.HashOf(b)
}

// line is a statement with its author and signature.
func line(s statements.Signed) []byte {
	b := binary.BigEndian.AppendUint32(nil, s.Validator)
	b = append(b, byte(s.Verdict))
	b = append(b, s.Candidate[:]...)
	return append(b, s.Signature[:]...)
}
