package statementdistribution

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// spoken is one statement as it came, and its compact form.
type spoken struct {
	message *primitivesv1.SignedStatement
	signed  statements.Signed
}

// saying is what one message of a peer says about candidates of one relay parent.
type saying struct {
	relayParent primitives.Hash
	spoken      []spoken
	bytes       int
}

// wireBudget is what decoding a peer's message may take: 64 statements, each with a receipt that has as many messages
// to the relay chain as there may be.
var wireBudget = decode.Budget{Bytes: 1 << 20, Elements: sdv1.MaxStatements * 100, Depth: 7}

// read reads a peer's message. The signatures aren't looked at.
func read(payload []byte) (*saying, error) {
	var w sdv1.Wire
	if err := decode.Unmarshal(payload, &w, wireBudget); err != nil {
		return nil, err
	}
	rp, err := primitives.HashFrom(w.GetStatements().GetRelayParent())
	if err != nil {
		return nil, err
	}
	said := &saying{relayParent: rp, bytes: len(payload)}
	for _, m := range w.GetStatements().GetStatements() {
		signed, err := parachain.Statement(m)
		if err != nil {
			return nil, err
		}
		said.spoken = append(said.spoken, spoken{m, signed})
	}
	return said, nil
}

// enough is the length in bytes at which a message to a peer is sent, and another one begun. With one more receipt of
// the longest kind it still fits its lane.
const enough = 512 << 10

// payloads puts statements of a relay parent into as few messages as they fit.
func (r *relayParent) payloads(list []statements.Signed) (out [][]byte) {
	w := &sdv1.Statements{RelayParent: r.hash[:]}
	size := 0
	for i, s := range list {
		m := r.message(s)
		w.Statements = append(w.Statements, m)
		size += proto.Size(m)
		if i < len(list)-1 && size < enough && len(w.Statements) < sdv1.MaxStatements {
			continue
		}
		out = append(out, encode(w))
		w.Statements, size = nil, 0
	}
	return out
}

// message is a statement as peers are sent it, a Seconded with its receipt.
func (r *relayParent) message(s statements.Signed) *primitivesv1.SignedStatement {
	m := parachain.StatementMessage(s)
	if s.Verdict == signbytes.Seconded {
		m.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: r.receipts[s.Candidate]}
	}
	return m
}

// encode makes the bytes of what we made ourselves; that it can't be encoded is impossible but for running out of
// memory.
func encode(s *sdv1.Statements) []byte {
	b, err := proto.Marshal(&sdv1.Wire{Kind: &sdv1.Wire_Statements{Statements: s}})
	if err != nil {
		panic(err)
	}
	return b
}
