package offence

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/bus/decode"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
)

// Suffix ends the names of files of evidence.
const Suffix = ".offence"

// MaxFile is the length in bytes of the longest file.
const MaxFile = 1 << 20

// budget is what a file may cost: a disagreement of the largest group, and some more.
var budget = decode.Budget{Bytes: MaxFile, Elements: 32 << 10, Depth: 8}

// Open reads a file of evidence and proves it with what is in it. Whether the keys are those of the session is for
// those to see who know it.
func Open(b []byte) (*misbehaviorv1.QueryEvidenceResponse, Finding, error) {
	e := &misbehaviorv1.QueryEvidenceResponse{}
	if err := decode.Unmarshal(b, e, budget); err != nil {
		return nil, Finding{}, unproved("%v", err)
	}
	f, err := Read(e.GetReport())
	if err != nil {
		return nil, f, err
	}
	keys := map[uint32]ed25519.PublicKey{}
	for _, s := range e.GetSignatories() {
		keys[s.GetIndex()] = s.GetValidator().GetPublicKey()
	}
	if id := f.ID(); string(id[:]) != string(e.GetId()) {
		return nil, f, unproved("it has another name than its content")
	}
	if err := f.Trespasses(e.GetGroup()); err != nil {
		return nil, f, err
	}
	if err := f.Prove(func(v uint32) ed25519.PublicKey { return keys[v] }); err != nil {
		return nil, f, err
	}
	return e, f, nil
}
