package parachain

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	adv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	bdv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	povv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// flood is how many messages of nothing follow one of something.
const flood = 8

// statements is what a liar says of candidates to a node.
func (l *liars) statements(kind Lie, from, to int, lane nb.Lane, m *nbv1.WireMessage, frame []byte) []byte {
	switch kind {
	case Equivocate, Two, Root, Contradict, Trespass:
		return remake(frame, func(p []byte) []byte { return l.rewrite(kind, from, to, p) })
	case Flood:
		var s sdv1.Wire
		if proto.Unmarshal(m.GetPayload(), &s) == nil {
			for range flood {
				said := remake(frame, func([]byte) []byte {
					return l.nothing(from, s.GetStatements().GetRelayParent())
				})
				l.net.World.Network.Say(from, to, lane, said)
				*l.count++
			}
		}
	}
	return frame
}

// context is what statements about a relay parent are signed in; false: nobody knows.
func (l *liars) context(from int, relayParent []byte) (in signbytes.Context, ok bool) {
	at, ok := l.net.wire.about(from, relayParent)
	if !ok {
		return in, false
	}
	session, ok := l.net.checker.Session(at)
	return signbytes.Context{Session: session, RelayParent: at}, ok
}

// rewrite changes a liar's own statements in a message, and adds others.
func (l *liars) rewrite(kind Lie, from, to int, payload []byte) []byte {
	var w sdv1.Wire
	if proto.Unmarshal(payload, &w) != nil {
		return payload
	}
	in, ok := l.context(from, w.GetStatements().GetRelayParent())
	if !ok {
		return payload
	}
	var list []*primitivesv1.SignedStatement
	for _, one := range w.GetStatements().GetStatements() {
		list = append(list, l.instead(kind, from, to, in, one)...)
	}
	w.GetStatements().Statements = list[:min(len(list), sdv1.MaxStatements)]
	return marshal(&w, payload)
}

// instead are the statements that a node hears in the place of one.
func (l *liars) instead(kind Lie, from, to int, in signbytes.Context,
	m *primitivesv1.SignedStatement) []*primitivesv1.SignedStatement {
	s, err := parachain.Statement(m)
	if err != nil {
		return []*primitivesv1.SignedStatement{m}
	}
	own, seconded := int(s.Validator) == from, m.GetStatement().GetSeconded()
	switch {
	case kind == Trespass && !own && s.Verdict == signbytes.Seconded:
		return []*primitivesv1.SignedStatement{m, l.word(from, in, signbytes.Valid, s.Candidate)}
	case kind == Contradict && own && s.Verdict == signbytes.Invalid:
		return []*primitivesv1.SignedStatement{m, l.word(from, in, signbytes.Valid, s.Candidate)}
	case kind == Contradict && own:
		return []*primitivesv1.SignedStatement{m, l.word(from, in, signbytes.Invalid, s.Candidate)}
	case !own || seconded == nil:
		return []*primitivesv1.SignedStatement{m}
	}
	other := l.another(kind, from, in, seconded)
	switch {
	case other == nil:
		return []*primitivesv1.SignedStatement{m}
	case kind == Two:
		return []*primitivesv1.SignedStatement{m, other}
	case kind == Root, to%2 == 1:
		return []*primitivesv1.SignedStatement{other}
	case to%3 == 0:
		return []*primitivesv1.SignedStatement{m, l.word(from, in, signbytes.Invalid, s.Candidate)}
	}
	return []*primitivesv1.SignedStatement{m}
}

// word is a statement of a liar's.
func (l *liars) word(from int, in signbytes.Context, v signbytes.Verdict,
	id primitives.Hash) *primitivesv1.SignedStatement {
	s := statements.Signed{Verdict: v, Candidate: id, Validator: uint32(from)}
	s.Signature = l.sign(from, s.Payload(in))
	return parachain.StatementMessage(s)
}

// another is a Seconded of another candidate in the place of one, made by the liar itself: with another message to the
// relay chain, or with an erasure root of no data.
func (l *liars) another(kind Lie, from int, in signbytes.Context,
	m *primitivesv1.CommittedCandidateReceipt) *primitivesv1.SignedStatement {
	r, err := parachain.Committed(m)
	if err != nil {
		return nil
	}
	r.Descriptor.Collation.Collator = primitives.Hash(l.net.Set.At(from).Key)
	if kind == Root {
		r.Descriptor.Collation.ErasureRoot = primitives.HashOf([]byte("of nothing"))
	} else {
		r.Commitments.UpwardMessages = [][]byte{{1}}
	}
	r.Descriptor.Signature = l.sign(from, r.Descriptor.Collation)
	return l.seconds(from, in, r)
}

func (l *liars) seconds(from int, in signbytes.Context, r candidate.CommittedReceipt) *primitivesv1.SignedStatement {
	id, err := r.Hash()
	if err != nil {
		return nil
	}
	s := l.word(from, in, signbytes.Seconded, id)
	s.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(r)}
	return s
}

// nothing is a message about a candidate that there isn't.
func (l *liars) nothing(from int, relayParent []byte) []byte {
	var id primitives.Hash
	binary.BigEndian.PutUint64(id[:], l.rng.Uint64())
	in, ok := l.context(from, relayParent)
	if !ok {
		return nil
	}
	s := l.word(from, in, signbytes.Valid, id)
	if l.rng.IntN(2) == 0 {
		s.Signature[0] ^= 1
	}
	return marshal(&sdv1.Wire{Kind: &sdv1.Wire_Statements{Statements: &sdv1.Statements{
		RelayParent: relayParent, Statements: []*primitivesv1.SignedStatement{s}}}}, nil)
}

// bits is a liar's own bitfield, as it suits it now.
func (l *liars) bits(from int, payload []byte) []byte {
	var w bdv1.Wire
	if proto.Unmarshal(payload, &w) != nil {
		return payload
	}
	b, err := parachain.Bitfield(w.GetBitfield().GetBitfield())
	in, ok := l.context(from, w.GetBitfield().GetRelayParent())
	if err != nil || !ok || int(b.Validator) != from {
		return payload
	}
	switch l.rng.IntN(3) {
	case 0:
		return nil
	case 1:
		b.Cores = primitives.NewBits(b.Cores.Length)
	default:
		for i := range b.Cores.Length {
			b.Cores.Set(i)
		}
	}
	b.Signature = l.sign(from, b.Payload(in))
	w.GetBitfield().Bitfield = parachain.BitfieldMessage(b)
	return marshal(&w, payload)
}

func corruptPush(payload []byte) []byte {
	var p adv1.Pushed
	if proto.Unmarshal(payload, &p) != nil || len(p.GetChunk()) == 0 {
		return payload
	}
	p.Chunk[0] ^= 1
	return marshal(&p, payload)
}

func corruptPart(payload []byte) []byte {
	var p adv1.Part
	if proto.Unmarshal(payload, &p) != nil || len(p.GetBytes()) == 0 {
		return payload
	}
	p.Bytes[0] ^= 1
	return marshal(&p, payload)
}

// anotherPoV is a part of something else.
func (l *liars) anotherPoV(payload []byte) []byte {
	var p povv1.Part
	if proto.Unmarshal(payload, &p) != nil {
		return payload
	}
	for i := range p.Bytes {
		p.Bytes[i] = byte(l.rng.Uint32())
	}
	return marshal(&p, payload)
}

// marshal encodes a message, or leaves what was there.
func marshal(m proto.Message, or []byte) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		return or
	}
	return b
}
