package keystore

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

// request is one signature that somebody waits for, or the votes that were signed last on a chain.
type request struct {
	message *subsystem.Message
	// payload is what is to be signed; votesOf is the chain whose votes are asked for. One of them is nil.
	payload signbytes.Payload
	votesOf *chain
	// answer makes the response of the request's type; one of its arguments is nil.
	answer func(*keystorev1.Signature, *keystorev1.Refusal) proto.Message
}

// fields reads hashes and remembers the first that isn't one.
type fields struct{ err error }

func (f *fields) hash(name string, b []byte) primitives.Hash {
	h, err := primitives.HashFrom(b)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("%s: %w", name, err)
	}
	return h
}

func (k *keystore) onSignBlock(m *subsystem.Message, r *keystorev1.SignBlock) {
	var f fields
	p := signbytes.Block{
		NetworkID: r.GetNetworkId(),
		ChainID:   f.hash("chain_id", r.GetChainId()),
		Height:    r.GetHeight(),
		ParentID:  f.hash("parent_id", r.GetParentId()),
		Slot:      r.GetSlot(),
		Time:      r.GetTimeUnixMillis(),
		BodyHash:  f.hash("body_hash", r.GetBodyHash()),
	}
	k.accept(request{message: m, payload: p, answer: blockResponse}, f.err)
}

func blockResponse(s *keystorev1.Signature, r *keystorev1.Refusal) proto.Message {
	if s != nil {
		return &keystorev1.SignBlockResponse{Outcome: &keystorev1.SignBlockResponse_Signature{Signature: s}}
	}
	return &keystorev1.SignBlockResponse{Outcome: &keystorev1.SignBlockResponse_Refusal{Refusal: r}}
}

func (k *keystore) onSignStatement(m *subsystem.Message, r *keystorev1.SignStatement) {
	var f fields
	p := signbytes.Statement{
		Context:   signbytes.Context{Session: r.GetSession(), RelayParent: f.hash("relay_parent", r.GetRelayParent())},
		Verdict:   verdictOf(r.GetKind()),
		Candidate: f.hash("candidate_hash", r.GetCandidateHash()),
	}
	k.accept(request{message: m, payload: p, answer: statementResponse}, f.err)
}

// verdictOf is zero, which has no encoding, for a kind that isn't known.
func verdictOf(kind keystorev1.StatementKind) signbytes.Verdict {
	switch kind {
	case keystorev1.StatementKind_STATEMENT_KIND_SECONDED:
		return signbytes.Seconded
	case keystorev1.StatementKind_STATEMENT_KIND_VALID:
		return signbytes.Valid
	case keystorev1.StatementKind_STATEMENT_KIND_INVALID:
		return signbytes.Invalid
	}
	return 0
}

func statementResponse(s *keystorev1.Signature, r *keystorev1.Refusal) proto.Message {
	if s != nil {
		return &keystorev1.SignStatementResponse{Outcome: &keystorev1.SignStatementResponse_Signature{Signature: s}}
	}
	return &keystorev1.SignStatementResponse{Outcome: &keystorev1.SignStatementResponse_Refusal{Refusal: r}}
}

func (k *keystore) onSignBitfield(m *subsystem.Message, r *keystorev1.SignBitfield) {
	var f fields
	p := signbytes.Bitfield{
		Context: signbytes.Context{Session: r.GetSession(), RelayParent: f.hash("relay_parent", r.GetRelayParent())},
		Length:  r.GetLength(),
		Bits:    r.GetBits(),
	}
	k.accept(request{message: m, payload: p, answer: bitfieldResponse}, f.err)
}

func bitfieldResponse(s *keystorev1.Signature, r *keystorev1.Refusal) proto.Message {
	if s != nil {
		return &keystorev1.SignBitfieldResponse{Outcome: &keystorev1.SignBitfieldResponse_Signature{Signature: s}}
	}
	return &keystorev1.SignBitfieldResponse{Outcome: &keystorev1.SignBitfieldResponse_Refusal{Refusal: r}}
}

func (k *keystore) onSignCollation(m *subsystem.Message, r *keystorev1.SignCollation) {
	var f fields
	p := signbytes.Collation{ // the collator's key is ours: complete puts it in
		ParaID:                      r.GetParaId(),
		RelayParent:                 f.hash("relay_parent", r.GetRelayParent()),
		PersistedValidationDataHash: f.hash("persisted_validation_data_hash", r.GetPersistedValidationDataHash()),
		PoVHash:                     f.hash("pov_hash", r.GetPovHash()),
		ErasureRoot:                 f.hash("erasure_root", r.GetErasureRoot()),
		ValidationCodeHash:          f.hash("validation_code_hash", r.GetValidationCodeHash()),
		ParaHead:                    f.hash("para_head", r.GetParaHead()),
	}
	k.accept(request{message: m, payload: p, answer: collationResponse}, f.err)
}

func collationResponse(s *keystorev1.Signature, r *keystorev1.Refusal) proto.Message {
	if s != nil {
		return &keystorev1.SignCollationResponse{Outcome: &keystorev1.SignCollationResponse_Signature{Signature: s}}
	}
	return &keystorev1.SignCollationResponse{Outcome: &keystorev1.SignCollationResponse_Refusal{Refusal: r}}
}

// complete puts our own key into a payload that names it.
func (k *keystore) complete(p signbytes.Payload) signbytes.Payload {
	if c, ok := p.(signbytes.Collation); ok {
		c.Collator = k.public
		return c
	}
	return p
}
