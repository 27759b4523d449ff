package para

import (
	"context"
	"crypto/ed25519"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	cbv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// said: of each core's group one validator seconds a candidate, and then the four others find it valid; each sends its
// own statement, after the one that makes the candidate known, and this node sends the one of its own.
type said struct{ bridge }

func playStatements(st *stage) player {
	return &said{bridge{stage: st, event: func(e *nbv1.NetworkBridgeEvent) proto.Message {
		return &sdv1.NetworkBridgeUpdate{Event: e}
	}}}
}

func (s *said) roles() []role {
	return []role{
		s.role(), {name: "candidate-backing", sends: []proto.Message{&sdv1.Share{}}, on: func(m *subsystem.Message) {
			if _, ok := m.Body.(*cbv1.Statement); ok {
				s.did()
			}
		}},
	}
}

func (s *said) block(ctx context.Context, number uint64) error {
	if number == 1 {
		s.connect()
	}
	hash := blockHash(number)
	var seconded, valid []*nbv1.NetworkBridgeEvent
	var mine *primitivesv1.SignedStatement
	for core := range s.cores {
		r := s.candidate(hash, core, primitives.Hash{})
		for i, v := range group(core) {
			if v == own {
				mine = s.statement(hash, v, signbytes.Seconded, r)
				continue
			}
			if i == 0 {
				seconded = append(seconded, s.says(hash, v, s.statement(hash, v, signbytes.Seconded, r)))
				continue
			}
			valid = append(valid, s.says(hash, v, s.statement(hash, group(core)[0], signbytes.Seconded, r),
				s.statement(hash, v, signbytes.Valid, r)))
		}
	}
	s.grow(number)
	s.view(number)
	s.as("candidate-backing", func(sub *subsystem.Sub) { sub.Send(&sdv1.Share{RelayParent: hash[:], Statement: mine}) })
	for _, events := range [][]*nbv1.NetworkBridgeEvent{seconded, valid} {
		s.expect(len(events))
		s.tell(events...)
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *said) says(relayParent primitives.Hash, v uint32, list ...*primitivesv1.SignedStatement,
) *nbv1.NetworkBridgeEvent {
	return s.message(int(v), encoded(&sdv1.Wire{Kind: &sdv1.Wire_Statements{Statements: &sdv1.Statements{
		RelayParent: relayParent[:], Statements: list}}}))
}

func (w *world) statement(relayParent primitives.Hash, v uint32, verdict signbytes.Verdict,
	r candidate.CommittedReceipt) *primitivesv1.SignedStatement {
	s := statements.Signed{Verdict: verdict, Candidate: hashOf(r), Validator: v}
	payload, err := s.Payload(signbytes.Context{Session: session, RelayParent: relayParent}).Encode()
	if err != nil {
		panic(err) // it says one of the three
	}
	copy(s.Signature[:], ed25519.Sign(w.keys[v], payload))
	m := parachain.StatementMessage(s)
	if verdict == signbytes.Seconded {
		m.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(r)}
	}
	return m
}
