package relayvm

import (
	"crypto/ed25519"
	"encoding/binary"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

func compareStatements(a, b statements.Signed) int { return slices.Compare(canonical(a), canonical(b)) }

func canonical(s statements.Signed) []byte {
	b := binary.BigEndian.AppendUint32(nil, s.Validator)
	b = append(b, byte(s.Verdict))
	b = append(b, s.Candidate[:]...)
	return append(b, s.Signature[:]...)
}

// id names the report: the same, in whatever order its statements come.
func (f *finding) id() primitives.Hash {
	b := append([]byte("reeve relay offence\x00"), byte(f.kind))
	b = binary.BigEndian.AppendUint32(b, f.in.Session)
	b = append(b, f.in.RelayParent[:]...)
	b = append(b, f.candidate[:]...)
	for _, s := range f.said {
		b = append(b, canonical(s)...)
	}
	return primitives.HashOf(b)
}

// signedBy tells whether a validator of the set has signed a statement.
func signedBy(set []Validator, in signbytes.Context, s statements.Signed) bool {
	return int64(s.Validator) < int64(len(set)) &&
		parachain.VerifyStatement(in, s, ed25519.PublicKey(set[s.Validator].PublicKey[:]))
}

// groupAt is the group that backs a para's candidates on a relay parent not long ago; nil: it isn't known.
func (r *run) groupAt(relayParent primitives.Hash, para uint32) []uint32 {
	k, next := r.parent.after, r.above.height
	if relayParent != r.relayParent() {
		if k = r.vm.kept.ancestor(k, relayParent, maxEvidence); k == nil {
			return nil
		}
		next = k.Height + 1
	}
	for _, core := range k.world.cores.CoreStates(next) {
		if serves(core, para) && int64(core.Group) < int64(len(k.world.cores.Groups)) {
			return k.world.cores.Groups[core.Group]
		}
	}
	return nil
}

// readDispute reads a dispute as the statement that it is.
func readDispute(m *primitivesv1.Dispute) (w word, err error) {
	if w.in, err = parachain.Context(m.GetContext()); err != nil {
		return w, verdictf("%v", err)
	}
	w.said, err = parachain.Statement(&primitivesv1.SignedStatement{
		Statement: &primitivesv1.Statement{Kind: &primitivesv1.Statement_Invalid{Invalid: m.GetCandidate()}},
		Validator: m.GetValidator(), Signature: m.GetSignature(),
	})
	if err != nil {
		return w, verdictf("%v", err)
	}
	return w, nil
}

// word is a statement in its context.
type word struct {
	in   signbytes.Context
	said statements.Signed
}
