package parachain

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// Context is the canonical value of a message.
func Context(m *primitivesv1.SigningContext) (signbytes.Context, error) {
	var f fields
	c := signbytes.Context{Session: m.GetSession(), RelayParent: f.hash("the relay parent", m.GetParent())}
	return c, f.err
}

// ContextMessage is the message of a canonical value.
func ContextMessage(c signbytes.Context) *primitivesv1.SigningContext {
	return &primitivesv1.SigningContext{Session: c.Session, Parent: c.RelayParent[:]}
}

// Statement is the compact form of a signed statement: of Seconded with a receipt it has the candidate's hash.
func Statement(m *primitivesv1.SignedStatement) (statements.Signed, error) {
	var f fields
	s := statements.Signed{Validator: m.GetValidator(), Signature: f.signature(m.GetSignature())}
	switch k := m.GetStatement().GetKind().(type) {
	case *primitivesv1.Statement_Seconded:
		s.Verdict = signbytes.Seconded
		r, err := Committed(k.Seconded)
		if err == nil {
			s.Candidate, err = r.Hash()
		}
		if err != nil {
			f.fail(err)
		}
	case *primitivesv1.Statement_SecondedHash:
		s.Verdict, s.Candidate = signbytes.Seconded, f.hash("the candidate", k.SecondedHash)
	case *primitivesv1.Statement_Valid:
		s.Verdict, s.Candidate = signbytes.Valid, f.hash("the candidate", k.Valid)
	case *primitivesv1.Statement_Invalid:
		s.Verdict, s.Candidate = signbytes.Invalid, f.hash("the candidate", k.Invalid)
	default:
		f.fail(malformed("a statement says seconded, valid or invalid"))
	}
	return s, f.err
}

// StatementMessage is the message of a statement in its compact form.
func StatementMessage(s statements.Signed) *primitivesv1.SignedStatement {
	m := &primitivesv1.SignedStatement{
		Statement: &primitivesv1.Statement{}, Validator: s.Validator, Signature: s.Signature[:],
	}
	switch s.Verdict {
	case signbytes.Seconded:
		m.Statement.Kind = &primitivesv1.Statement_SecondedHash{SecondedHash: s.Candidate[:]}
	case signbytes.Valid:
		m.Statement.Kind = &primitivesv1.Statement_Valid{Valid: s.Candidate[:]}
	case signbytes.Invalid:
		m.Statement.Kind = &primitivesv1.Statement_Invalid{Invalid: s.Candidate[:]}
	}
	return m
}

// StatementClaim says that the statement was signed in that context with that key.
func StatementClaim(in signbytes.Context, s statements.Signed, key ed25519.PublicKey) Claim {
	return Claim{s.Payload(in), s.Signature, key}
}

// VerifyStatement tells whether the statement was signed in that context with that key.
func VerifyStatement(in signbytes.Context, s statements.Signed, key ed25519.PublicKey) bool {
	return StatementClaim(in, s, key).Holds()
}

// SignedBitfield says of which cores' candidates a validator holds its chunk, with its signature.
type SignedBitfield struct {
	Validator uint32
	Cores     primitives.Bits
	Signature [ed25519.SignatureSize]byte
}

// Payload is what was signed, in its context.
func (b SignedBitfield) Payload(in signbytes.Context) signbytes.Bitfield {
	return signbytes.Bitfield{Context: in, Length: b.Cores.Length, Bits: b.Cores.Bytes}
}

// Bits is the canonical value of a message.
func Bits(m *primitivesv1.Bits) (primitives.Bits, error) {
	b := primitives.Bits{Length: m.GetLength(), Bytes: m.GetBits()}
	if !b.Canonical() {
		return primitives.Bits{}, malformed("%d bytes aren't a row of %d bits", len(b.Bytes), b.Length)
	}
	return b, nil
}

// BitsMessage is the message of a canonical value.
func BitsMessage(b primitives.Bits) *primitivesv1.Bits {
	return &primitivesv1.Bits{Length: b.Length, Bits: b.Bytes}
}

// Bitfield is the canonical value of a message.
func Bitfield(m *primitivesv1.SignedAvailabilityBitfield) (SignedBitfield, error) {
	var f fields
	b := SignedBitfield{Validator: m.GetValidator(), Signature: f.signature(m.GetSignature())}
	var err error
	if b.Cores, err = Bits(m.GetBitfield().GetCores()); err != nil {
		f.fail(err)
	}
	return b, f.err
}

// BitfieldMessage is the message of a canonical value.
func BitfieldMessage(b SignedBitfield) *primitivesv1.SignedAvailabilityBitfield {
	return &primitivesv1.SignedAvailabilityBitfield{
		Bitfield:  &primitivesv1.AvailabilityBitfield{Cores: BitsMessage(b.Cores)},
		Validator: b.Validator, Signature: b.Signature[:],
	}
}

// BitfieldClaim says that the bitfield was signed in that context with that key.
func BitfieldClaim(in signbytes.Context, b SignedBitfield, key ed25519.PublicKey) Claim {
	return Claim{b.Payload(in), b.Signature, key}
}

// VerifyBitfield tells whether the bitfield was signed in that context with that key.
func VerifyBitfield(in signbytes.Context, b SignedBitfield, key ed25519.PublicKey) bool {
	return BitfieldClaim(in, b, key).Holds()
}
