// Package auditor holds a live network with a relay chain against the invariants of the parachain host (package
// parachecker). It attaches to the bus of each node that it is given, as anybody may who has a token, follows the relay
// chain block by block, listens to what validators say and what they are blamed for, and reads what they have promised
// to keep. It sends nothing to anybody; a node answers it as it answers its own parts.
//
// Of the invariants it can't see two: when a subsystem ceases to work on a relay parent (P10), and what guards a process
// that runs a para's code, but for what the machine itself shows of it (P12).
package auditor

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/parachecker"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/internal/process/datadir"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// Violation is an invariant that didn't hold.
type Violation struct {
	Invariant string `json:"invariant"`
	What      string `json:"what"`
}

// Auditor watches one network.
type Auditor struct {
	net    datadir.Network
	relay  string
	chain  block.Chain
	seats  []*seat
	guests []*seat // at nodes that are no validators
	ctx    context.Context
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu         sync.Mutex
	checker    *parachecker.Checker
	violations []Violation
	seen       map[Violation]bool
	height     uint64
	last       primitives.Hash // the block there
	included   []*inclusion    // oldest first
	receipts   map[primitives.Hash]*primitivesv1.CandidateReceipt
	early      map[primitives.Hash][]*primitivesv1.SignedStatement // until their relay parent's facts are known
	facts      map[primitives.Hash]bool
	blocked    string // why the next block can't be followed
}

// inclusion is a candidate that a block has included.
type inclusion struct {
	hash    primitives.Hash
	receipt *primitivesv1.CandidateReceipt
	session uint32
}

// Start begins to watch, at the given nodes of a network; whoever else is a validator there isn't taken for honest.
func Start(ctx context.Context, net datadir.Network, nodes []string) (*Auditor, error) {
	g, err := datadir.LoadGenesis(net.Genesis())
	if err != nil {
		return nil, err
	}
	relay, ok := g.RelayChain()
	if !ok {
		return nil, fmt.Errorf("%s has no relay chain", g.Network)
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &Auditor{
		net: net, relay: relay.Name, ctx: ctx,
		chain: block.Chain{NetworkID: g.Number(), ID: relay.ID}, cancel: cancel, seen: map[Violation]bool{},
		receipts: map[primitives.Hash]*primitivesv1.CandidateReceipt{}, facts: map[primitives.Hash]bool{},
		early: map[primitives.Hash][]*primitivesv1.SignedStatement{},
	}
	for i, v := range g.Validators {
		if !slices.Contains(nodes, v.Name) {
			continue
		}
		s, err := a.sit(v.Name, uint32(i))
		if err != nil {
			a.Stop()
			return nil, err
		}
		a.seats = append(a.seats, s)
	}
	a.checker = parachecker.New(parachecker.Config{
		Honest: func(v uint32) bool {
			return slices.ContainsFunc(a.seats, func(s *seat) bool { return s.index == v })
		},
		InFlight: time.Second, Violated: a.violated,
	})
	a.ended.Go(func() { a.follow(ctx) })
	return a, nil
}

func (a *Auditor) sit(node string, index uint32) (*seat, error) {
	return sit(a.ctx, a.net.Node(node), index, a.relay, heard{a.onStatement, a.onEvidence},
		slog.New(slog.DiscardHandler))
}

// Join attaches to one more node, which is no validator, for Recover.
func (a *Auditor) Join(node string) error {
	s, err := a.sit(node, nobody)
	if err == nil {
		a.guests = append(a.guests, s)
	}
	return err
}

// nobody is the index of a node that is no validator.
const nobody = math.MaxUint32

// Stop ends the watching; what was found stays as it is.
func (a *Auditor) Stop() {
	a.cancel()
	a.ended.Wait()
	for _, s := range slices.Concat(a.seats, a.guests) {
		s.ended.Wait()
	}
}

// violated is called by the checker, which is called with the lock held.
func (a *Auditor) violated(invariant, what string) {
	if v := (Violation{invariant, what}); !a.seen[v] {
		a.seen[v] = true
		a.violations = append(a.violations, v)
	}
}

// Violations are what has been found until now.
func (a *Auditor) Violations() []Violation {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.violations)
}

// Followed is the height up to which the relay chain has been looked at, how many candidates it has included by then,
// and, if it can't go on, why.
func (a *Auditor) Followed() (height uint64, included int, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.height, len(a.included), a.blocked
}

// nextBlock is the pause before a block that isn't there yet is asked for again.
const nextBlock = 50 * time.Millisecond

// follow looks at each accepted block in its turn. It asks another node when one doesn't answer.
func (a *Auditor) follow(ctx context.Context) {
	var parent primitives.Hash
	for try, height := 0, uint64(0); ctx.Err() == nil; {
		id, err := a.look(ctx, a.seats[try%len(a.seats)], height, parent)
		if err == nil {
			parent = id
			height++
			continue
		}
		a.mu.Lock()
		a.blocked = err.Error()
		a.mu.Unlock()
		try++
		select {
		case <-ctx.Done():
		case <-time.After(nextBlock):
		}
	}
}

// look takes the block at a height from a node.
func (a *Auditor) look(ctx context.Context, s *seat, height uint64, parent primitives.Hash) (primitives.Hash, error) {
	at, err := ask[*vmv1.GetBlockIDAtHeightResponse](ctx, s, &vmv1.GetBlockIDAtHeight{Height: height})
	if err != nil {
		return parent, err
	}
	id, err := primitives.HashFrom(at.GetBlock().GetBlockId())
	if err != nil {
		return parent, fmt.Errorf("%s has no block %d yet", s.name, height)
	}
	facts, err := parachecker.Ask(id, func(q *runtimeapiv1.RuntimeApiRequest) (*runtimeapiv1.RuntimeApiAnswer, error) {
		return s.state(ctx, id[:], q)
	})
	if err != nil {
		return parent, err
	}
	b := parachecker.Block{ID: id, Parent: parent, Height: height}
	if height > 0 {
		if err := a.content(ctx, s, &b); err != nil {
			return parent, err
		}
	}
	a.take(b, facts)
	return id, nil
}

// content fills in a block's inherent and what it has done to candidates.
func (a *Auditor) content(ctx context.Context, s *seat, b *parachecker.Block) error {
	r, err := ask[*vmv1.GetConsensusBlockResponse](ctx, s, &vmv1.GetConsensusBlock{BlockId: b.ID[:]})
	if err != nil {
		return err
	}
	whole, err := block.Decode(a.chain, r.GetBlock().GetConsensusBlock())
	if err != nil {
		return fmt.Errorf("block %d of %s: %w", b.Height, s.name, err)
	}
	b.Inherent = &provisionerv1.InherentData{}
	if err := proto.Unmarshal(whole.Inherent(), b.Inherent); err != nil {
		return fmt.Errorf("the inherent of block %d of %s: %w", b.Height, s.name, err)
	}
	events, err := s.state(ctx, b.ID[:], &runtimeapiv1.RuntimeApiRequest{
		Kind: &runtimeapiv1.RuntimeApiRequest_CandidateEvents{CandidateEvents: &runtimeapiv1.CandidateEvents{}}})
	b.Events = events.GetCandidateEvents().GetEvents()
	return err
}

// take has the checker look at a block.
func (a *Auditor) take(b parachecker.Block, facts *parachecker.Facts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checker.Learn(facts)
	a.facts[b.ID] = true
	if b.Height > 0 {
		for _, e := range b.Events {
			if r, err := parachain.Receipt(e.GetReceipt()); err == nil {
				a.receipts[r.Hash()] = e.GetReceipt()
			}
		}
		for _, m := range b.Inherent.GetBitfields() {
			a.checker.Claimed(b.Parent, m)
		}
		for _, id := range a.checker.Accepted(b) {
			session, _ := a.checker.Session(primitives.Hash(a.receipts[id].GetDescriptor_().GetRelayParent()))
			a.included = append(a.included, &inclusion{id, a.receipts[id], session})
		}
	}
	for _, m := range a.early[b.ID] {
		a.checker.Said(b.ID, m)
	}
	delete(a.early, b.ID)
	a.height, a.last, a.blocked = b.Height, b.ID, ""
}

// maxEarly is of how many relay parents statements are held that aren't accepted yet. Most never are.
const maxEarly = 256

// onStatement takes what a node hears of a validator.
func (a *Auditor) onStatement(r *statementdistributionv1.RegisterStatementListenerResponse) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, err := primitives.HashFrom(r.GetRelayParent())
	switch {
	case err != nil:
	case a.facts[at]:
		a.checker.Said(at, r.GetStatement())
	default:
		if len(a.early) >= maxEarly {
			clear(a.early)
		}
		a.early[at] = append(a.early[at], r.GetStatement())
	}
}

// onEvidence takes what a node has found against validators.
func (a *Auditor) onEvidence(e *misbehaviorv1.QueryEvidenceResponse) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checker.Reported(e.GetReport())
}
