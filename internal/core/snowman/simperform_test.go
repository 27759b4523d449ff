package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// perform does what a core wants done, as services/engine does with processes instead of functions.
func (s *simnode) perform(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case SendPushQuery:
			s.pushQuery(a)
		case SendPullQuery:
			for _, to := range a.Nodes {
				s.send(to, func(from primitives.NodeID) Input {
					return PullQuery{Node: from, RequestID: a.RequestID, ID: a.ID, Height: a.Height}
				})
			}
		case SendChits:
			s.chits(a)
		case SendGet:
			s.send(a.Node, func(from primitives.NodeID) Input { return simGet{from, a.RequestID, a.ID} })
		case SendGetAncestors:
			s.send(a.Node, func(from primitives.NodeID) Input { return simGetAncestors{from, a.RequestID, a.ID} })
		case SendGetAcceptedFrontier:
			for _, to := range a.Nodes {
				s.send(to, func(from primitives.NodeID) Input { return simGetFrontier{from, a.RequestID} })
			}
		case SendGetAccepted:
			for _, to := range a.Nodes {
				s.send(to, func(from primitives.NodeID) Input { return simGetAccepted{from, a.RequestID, a.IDs} })
			}
		case Verify:
			s.judge(a.Block)
		case Accept:
			if s.stalls {
				s.stalled = append(s.stalled, a)
				continue
			}
			s.vm(time.Millisecond, func() { s.commit(a.Block, a.Certificate) })
		case Keep:
			s.keep(a)
		case SignVote:
			s.sign(a)
		case SendVotes:
			s.vote(a)
		case SendProof:
			for _, to := range a.Nodes {
				s.send(to, func(from primitives.NodeID) Input { return Proof{Node: from, Proof: a.Proof} })
			}
		case SendGetVotes:
			for _, to := range a.Nodes {
				s.send(to, func(from primitives.NodeID) Input {
					return GetVotes{Node: from, Height: a.Height,
						Round: a.Round}
				})
			}
		case SendCertified:
			s.certified(a)
		case Accuse:
			if accused := s.net.nodes[a.First.Validator]; accused.honest {
				s.net.violate("node %d accuses honest node %d: %s, %s", s.index, accused.index, a.First, a.Second)
			}
		case AccuseBlocks:
			if accused := s.net.nodes[a.First.Proposer]; accused.honest || a.First.Payload == a.Second.Payload {
				s.net.violate("node %d accuses node %d: %v, %v", s.index, accused.index, a.First.Payload,
					a.Second.Payload)
			}
			s.net.accused++
		case Halt:
			if s.honest {
				s.net.violate("node %d halts: %s", s.index, a.What)
			}
		case Build:
			s.vm(time.Millisecond, func() { s.build(a.Header) })
		}
	}
}

// judge is the VM's work on a block, as far as it gets.
func (s *simnode) judge(b *block.Block) {
	if s.net.fails != nil {
		if t := s.net.fails(s, b); t > 0 {
			s.vm(t, func() { s.step(Unjudged{ID: b.ID(), Why: "the VM failed", Took: t}) })
			return
		}
	}
	s.vm(2*time.Millisecond, func() { s.step(Verified{ID: b.ID()}) })
}

func (s *simnode) build(h block.Header) {
	if s.txs == 0 {
		s.step(NotBuilt{Why: NothingToBuild})
		return
	}
	if s.lie == equivocate {
		s.split(h)
		return
	}
	if !s.use(h) {
		s.step(NotBuilt{Why: SlotTaken})
		return
	}
	s.step(Built{Block: s.newBlock(h)})
}

// split shows each half of the network another block of the same slot.
func (s *simnode) split(h block.Header) {
	two := [2]*block.Block{s.newBlock(h), s.newBlock(h)}
	for i, o := range s.net.nodes {
		if o != s {
			b := two[i%2]
			s.send(o.id, func(from primitives.NodeID) Input {
				return PushQuery{Node: from, RequestID: 1 << 30, Container: b.Bytes(), Height: h.Height}
			})
		}
	}
	s.step(Built{Block: two[0]})
}

func (s *simnode) commit(b *block.Block, certificate []byte) {
	if h := uint64(len(s.committed)) + 1; b.Height != h || b.Parent != s.frontier() {
		s.net.violate("E2: node %d accepts height %d on %s when it stands at %d", s.index, b.Height, b.Parent.Short(),
			h-1)
	}
	s.committed = append(s.committed, b)
	s.byID[b.ID()], s.proofs[b.ID()] = b, certificate
	s.txs = max(0, s.txs-1)
	if s.honest {
		if other, ok := s.net.final[b.Height]; ok && other != b.ID() {
			s.net.violate("E1: two blocks are accepted at height %d", b.Height)
		}
		s.net.final[b.Height] = b.ID()
	}
	s.step(Committed{ID: b.ID()})
	if s.txs > 0 {
		s.step(PendingTxs{})
	}
}

func (s *simnode) pushQuery(a SendPushQuery) {
	for _, to := range a.Nodes {
		s.send(to, func(from primitives.NodeID) Input {
			return PushQuery{Node: from, RequestID: a.RequestID, Container: a.Container, Height: a.Height}
		})
	}
}

// chits answers a query, truthfully or not.
func (s *simnode) chits(a SendChits) {
	vote := s.liesAbout(a.Node)
	if vote.IsZero() {
		vote = a.Preferred
	} else {
		a.PreferredAt = vote
	}
	s.send(a.Node, func(from primitives.NodeID) Input {
		return Chits{
			Node: from, RequestID: a.RequestID, Preferred: vote, PreferredAt: a.PreferredAt, Accepted: a.Accepted,
			AcceptedHeight: a.AcceptedHeight,
		}
	})
}

func (s *simnode) liesAbout(asker primitives.NodeID) primitives.Hash {
	ids := s.core.tree.Blocks()
	if s.lie == truth || s.lie == equivocate || len(ids) == 0 {
		return primitives.Hash{}
	}
	i, _ := s.net.set.Index(asker)
	switch s.lie {
	case randomly:
		return ids[s.net.rng.IntN(len(ids))]
	case perAsker:
		return ids[i%len(ids)]
	}
	// The opposite: any block that the asker doesn't prefer.
	o := s.net.nodes[i]
	for _, id := range ids {
		if o.core != nil && !o.core.tree.IsPreferred(id) {
			return id
		}
	}
	return s.core.accepted.root.ID
}

// What services/engine answers from the VM's host, without the core.
type (
	simGet struct {
		node primitives.NodeID
		id   uint32
		want primitives.Hash
	}
	simGetAncestors simGet
	simGetFrontier  struct {
		node primitives.NodeID
		id   uint32
	}
	simGetAccepted struct {
		node primitives.NodeID
		id   uint32
		ids  []primitives.Hash
	}
)

func (simGet) input()          {}
func (simGetAncestors) input() {}
func (simGetFrontier) input()  {}
func (simGetAccepted) input()  {}

// serve answers what isn't the core's business. False: it is.
func (s *simnode) serve(in Input) bool {
	switch in := in.(type) {
	case simGet:
		b, ok := s.core.Block(in.want)
		if !ok {
			b, ok = s.byID[in.want], s.byID[in.want] != nil
		}
		if !ok {
			s.fail(in.node, in.id, requests.Put)
			return true
		}
		s.send(in.node, func(from primitives.NodeID) Input {
			return Put{Node: from, RequestID: in.id, Container: b.Bytes(), Certificate: s.proofs[b.ID()]}
		})
	case simGetAncestors:
		var list, certificates [][]byte
		for b := s.byID[in.want]; b != nil && len(list) < 100; b = s.byID[b.Parent] {
			list, certificates = append(list, b.Bytes()), append(certificates, s.proofs[b.ID()])
		}
		s.send(in.node, func(from primitives.NodeID) Input {
			return Ancestors{Node: from, RequestID: in.id, Containers: list, Certificates: certificates}
		})
	case simGetFrontier:
		id := s.frontier()
		s.send(in.node, func(from primitives.NodeID) Input {
			return AcceptedFrontier{Node: from, RequestID: in.id,
				ID: id}
		})
	case simGetAccepted:
		var have []primitives.Hash
		for _, id := range in.ids {
			if s.byID[id] != nil || id == simGenesis {
				have = append(have, id)
			}
		}
		s.send(in.node, func(from primitives.NodeID) Input { return Accepted{Node: from, RequestID: in.id, IDs: have} })
	default:
		return false
	}
	return true
}
