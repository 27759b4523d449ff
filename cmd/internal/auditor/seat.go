package auditor

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// Role is the name under which an auditor attaches to a node. No part of a node has it: an overseer takes it as it
// takes any stranger that has a token.
const Role = "auditor"

// seat is an auditor's place on the bus of one node.
type seat struct {
	name  string
	index uint32 // of the validator
	chain string

	ended sync.WaitGroup
	mu    sync.Mutex
	sub   *subsystem.Sub
	ready chan struct{}
}

// heard is what a seat is told of by its node without asking each time.
type heard struct {
	statement func(*statementdistributionv1.RegisterStatementListenerResponse)
	evidence  func(*misbehaviorv1.QueryEvidenceResponse)
}

// bus is the name of the socket of a node's bus.
const bus = "bus"

// sit attaches to a node until ctx ends.
func sit(ctx context.Context, home datadir.Node, index uint32, chain string, h heard, log *slog.Logger) (*seat, error) {
	if _, err := datadir.MakeToken(home, Role); err != nil {
		return nil, err
	}
	token, err := datadir.Token(home, Role)
	if err != nil {
		return nil, err
	}
	s := &seat{name: home.Name, index: index, chain: chain, ready: make(chan struct{})}
	s.ended.Go(func() {
		err := subsystem.Run(ctx, s.spec(h), subsystem.Options{
			Address: "unix:" + home.Socket(bus), Token: token, Blobs: home.Data("blobs"), Log: log,
		})
		if err != nil && ctx.Err() == nil {
			log.Error("an auditor has lost its node", "node", home.Name, "err", err)
		}
	})
	return s, nil
}

func (s *seat) spec(h heard) subsystem.Spec {
	return subsystem.Spec{
		Name: Role, Class: subsystem.Single,
		Asks: []proto.Message{
			&vmv1.GetBlockIDAtHeight{}, &vmv1.GetConsensusBlock{}, &runtimeapiv1.Request{}, &storev1.QueryChunk{},
			&storev1.QueryAvailableData{}, &distributionv1.RecoverAvailableData{}, &candidatevalidationv1.Validate{},
			&statementdistributionv1.RegisterStatementListener{}, &misbehaviorv1.QueryEvidence{},
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			follow(sub, &statementdistributionv1.RegisterStatementListener{}, h.statement)
			follow(sub, &misbehaviorv1.QueryEvidence{Follow: true}, h.evidence)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sub = sub
			close(s.ready)
			return silent{}, nil
		},
	}
}

// silence is how long a node may have nothing to tell, and again the pause before it is asked anew.
const (
	silence = time.Hour
	again   = 200 * time.Millisecond
)

// follow asks for a stream again and again.
func follow[R proto.Message](sub *subsystem.Sub, q proto.Message, each func(R)) {
	subsystem.Watch(sub, q, silence, each, func(error) {
		sub.After(again, func() { follow(sub, q, each) })
	})
}

type silent struct{}

func (silent) Signal(*overseerv1.Signal)   {}
func (silent) Handle(m *subsystem.Message) { m.Unknown() }

// askTimeout is how long a part may take to answer.
const askTimeout = 10 * time.Second

// ask asks a part of the node. Any goroutine may.
func ask[R proto.Message](ctx context.Context, s *seat, req proto.Message) (R, error) {
	type outcome struct {
		resp R
		err  error
	}
	var none R
	select {
	case <-s.ready:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	answer := make(chan outcome, 1)
	s.sub.Post(func() {
		subsystem.Ask(s.sub.On(s.chain), req, askTimeout, func(r R, err error) { answer <- outcome{r, err} })
	})
	select {
	case got := <-answer:
		return got.resp, got.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// state asks about the state after a block.
func (s *seat) state(ctx context.Context, block []byte, q *runtimeapiv1.RuntimeApiRequest) (
	*runtimeapiv1.RuntimeApiAnswer, error) {
	r, err := ask[*runtimeapiv1.RequestResponse](ctx, s, &runtimeapiv1.Request{RelayParent: block, Request: q})
	switch {
	case err != nil:
		return nil, err
	case r.GetError() != nil:
		return nil, errors.New(r.GetError().String())
	}
	return r.GetAnswer(), nil
}

// blob reads all of what a node's reference names.
func (s *seat) blob(ctx context.Context, ref *primitivesv1.BlobRef) ([]byte, error) {
	type outcome struct {
		bytes []byte
		err   error
	}
	got := make(chan outcome, 1)
	s.sub.Post(func() {
		s.sub.Blobs().Get(ref, 0, -1, func(b subsystem.Blob, err error) {
			if err != nil {
				got <- outcome{nil, err}
				return
			}
			bytes := append([]byte(nil), b.Bytes()...)
			got <- outcome{bytes, b.Close()}
		})
	})
	select {
	case o := <-got:
		return o.bytes, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
