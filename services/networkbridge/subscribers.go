package networkbridge

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// subscribers are the protocols and the subsystems that they belong to. News of state reaches a subsystem in order and
// without a gap, or all of it is sent anew; a peer's message reaches it at most once, after the news before it.
type subscribers struct {
	sub       *subsystem.Sub
	dropped   *nbv1.Dropped
	state     func(*protocol) []*nbv1.NetworkBridgeEvent // all that a subsystem has to know
	named     map[topic]*protocol
	listed    []*protocol // the same, in the order of the configuration
	repairing bool        // a timer of repair is set
}

const (
	maxBatch    = 128 << 10              // bytes of payload in one PeerMessages
	repairPause = 200 * time.Millisecond // until it is looked again whether there is room for news that was lost
)

// topic is a protocol, and the chain that it is spoken for; empty: it is spoken for none in particular.
type topic struct{ protocol, chain string }

// protocol is one declared protocol, of one chain if there is one of its subsystem per chain, with what waits for the
// subsystem.
type protocol struct {
	Protocol
	chain string
	batch []*nbv1.PeerMessage
	bytes int
	// stale: the subsystem had no room for news of state. What it knows is repaired when there is room, by sending all
	// anew.
	stale bool
}

func (s *subscribers) add(p Protocol, chains []string) error {
	if err := p.complete(); err != nil {
		return err
	}
	if !p.PerChain {
		chains = []string{""}
	}
	for _, chain := range chains {
		at := topic{p.Name, chain}
		if s.named[at] != nil {
			return fmt.Errorf("protocol %s is declared twice", p.Name)
		}
		added := &protocol{Protocol: p, chain: chain}
		s.named[at] = added
		s.listed = append(s.listed, added)
	}
	return nil
}

// find is the protocol that a subsystem names, of the chain that its message is about; nil: there is none.
func (s *subscribers) find(name, chain string) *protocol {
	if p := s.named[topic{name, chain}]; p != nil {
		return p
	}
	return s.named[topic{name, ""}]
}

// register begins anew with a subsystem that has started.
func (s *subscribers) register(from, name, chain string) {
	p := s.find(name, chain)
	switch {
	case p == nil:
		s.sub.Log.Error("a subsystem registered for a protocol that isn't declared", "subsystem", from, "protocol",
			name)
	case p.Subsystem != from:
		s.sub.Log.Error("a second registration is ignored: the first one stays",
			"subsystem", from, "protocol", name, "first", p.Subsystem)
	default:
		s.reset(p)
	}
}

// reset sends a protocol's subsystem everything from the beginning.
func (s *subscribers) reset(p *protocol) {
	p.batch, p.bytes, p.stale = nil, 0, false
	s.notify(p, &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeersReset{PeersReset: &nbv1.PeersReset{}}})
	for _, e := range s.state(p) {
		s.notify(p, e)
	}
}

// notify sends news of state to a protocol's subsystem, after the messages that came before. It must arrive, or be sent
// anew.
func (s *subscribers) notify(p *protocol, e *nbv1.NetworkBridgeEvent) {
	s.flush(p)
	if !p.stale && s.deliver(p, e) != nil {
		p.stale = true
		s.repairLater()
	}
}

// enqueue adds a peer's message to those that the protocol's subsystem gets at the end of the turn.
func (s *subscribers) enqueue(p *protocol, from primitives.NodeID, payload []byte) {
	if p.bytes+len(payload) > maxBatch {
		s.flush(p)
	}
	p.batch = append(p.batch, &nbv1.PeerMessage{Peer: from[:], Payload: payload})
	p.bytes += len(payload)
}

// request sends a peer's request, after the messages that came before. False: the subsystem has no room.
func (s *subscribers) request(p *protocol, r *nbv1.PeerRequest) bool {
	s.flush(p)
	e := &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerRequest{PeerRequest: r}}
	if p.stale || s.deliver(p, e) != nil {
		s.dropped.Undeliverable++
		return false
	}
	return true
}

// flush sends what waits. When the subsystem has no room, messages are dropped and counted: peers send again what
// matters.
func (s *subscribers) flush(p *protocol) {
	if len(p.batch) == 0 {
		return
	}
	e := &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessage{PeerMessage: p.batch[0]}}
	if len(p.batch) > 1 {
		e.Kind = &nbv1.NetworkBridgeEvent_PeerMessages{PeerMessages: &nbv1.PeerMessages{Messages: p.batch}}
	}
	if p.stale || s.deliver(p, e) != nil {
		s.dropped.Undeliverable += uint64(len(p.batch))
	}
	p.batch, p.bytes = nil, 0
}

func (s *subscribers) flushAll() {
	for _, p := range s.listed {
		s.flush(p)
	}
}

func (s *subscribers) deliver(p *protocol, e *nbv1.NetworkBridgeEvent) error {
	e.Protocol = p.Name
	return s.sub.On(p.chain).TrySend(p.Event(e))
}

func (s *subscribers) repairLater() {
	if s.repairing {
		return
	}
	s.repairing = true
	s.sub.After(repairPause, func() {
		s.repairing = false
		s.repair()
	})
}

// repair sends everything anew to the subsystems that missed something, once they have room for all of it.
func (s *subscribers) repair() {
	for _, p := range s.listed {
		if p.stale && s.sub.On(p.chain).Room(p.Event(&nbv1.NetworkBridgeEvent{})) > len(s.state(p)) {
			s.reset(p)
		}
		if p.stale {
			s.repairLater()
		}
	}
}
