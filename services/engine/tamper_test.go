package engine

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// parrot says one thing, whatever the engine would say.
type parrot struct {
	send func([]primitives.NodeID, proto.Message)
	said []proto.Message
	from []primitives.NodeID
}

func (p *parrot) Hears(n primitives.NodeID, _ *enginev1.PeerMessage) { p.from = append(p.from, n) }

func (p *parrot) Says(to []primitives.NodeID, m proto.Message) {
	p.said = append(p.said, m)
	p.send(to, &enginev1.GetVotes{Height: 77})
}

func TestWhoTampersHearsAllAndSaysAll(t *testing.T) {
	s, p := newFixture(t, 4), &parrot{}
	n, peer := s.nodes[0], s.nodes[1].id
	cfg := n.config()
	cfg.Tamper = func(_ *subsystem.Sub, send func([]primitives.NodeID, proto.Message)) Tamper {
		p.send = send
		return p
	}
	n.Overseer = overseertest.Start(t, Spec(cfg))
	n.update(peerConnected(peer))
	for _, m := range []proto.Message{
		&enginev1.PullQuery{RequestId: 1, ContainerId: genesisVM[:]}, &enginev1.GetAcceptedFrontier{RequestId: 2},
	} {
		wire, err := seal(s.chain.ID, m)
		if err != nil {
			t.Fatal(err)
		}
		n.update(peerMessage(travelsOn(wrap(m)), peer, wire))
	}
	heard := 0
	for sent := n.Sent(); len(sent) > 0; sent = n.Sent() {
		for _, m := range sent {
			to, payload := addressed(m)
			if len(to) == 0 {
				n.serve(m)
				continue
			}
			heard++
			if w, err := open(s.chain.ID, payload); err != nil || w.GetGetVotes_().GetHeight() != 77 {
				t.Errorf("a peer hears %v, %v", w, err)
			}
		}
	}
	if heard == 0 || heard != len(p.said) || len(p.from) != 2 || p.from[0] != peer {
		t.Errorf("peers hear %d messages, the engine had %d, and heard %v", heard, len(p.said), p.from)
	}
}
