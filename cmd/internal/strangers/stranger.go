package strangers

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/genesis"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/p2p"
)

// Stranger is a node that anybody could run: it proves an identity, and says what it likes.
type Stranger struct {
	net     *p2p.Network
	genesis *genesis.Genesis
	chain   genesis.Chain
	to      nb.Address

	mu       sync.Mutex
	up       chan error // what comes of a call
	linked   bool
	received int // bytes
	last     []byte
	why      error // why the last link has ended
}

// New makes a stranger with an identity, for one validator of a network. It must be closed.
func New(key ed25519.PrivateKey, g *genesis.Genesis, chain string, to genesis.Validator) (*Stranger, error) {
	c, known := g.Chain(chain)
	if !known {
		return nil, fmt.Errorf("the network has no chain %s", chain)
	}
	s := &Stranger{
		genesis: g, chain: c, to: nb.Address{Node: to.NodeID, At: []string{to.Address}}, up: make(chan error, 16),
	}
	var err error
	if s.net, err = p2p.New(p2p.Config{Key: key}); err != nil {
		return nil, err
	}
	return s, s.net.Start(s.hear)
}

// Close ends its link.
func (s *Stranger) Close() { s.net.Close() }

// Call makes a link, without a word.
func (s *Stranger) Call(ctx context.Context) error {
	s.net.Connect(s.to)
	select {
	case err := <-s.up:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Greet says hello on every lane.
func (s *Stranger) Greet() {
	id := s.genesis.Hash()
	for lane := range nb.Lanes {
		s.send(lane, &nbv1.Frame{Kind: &nbv1.Frame_Hello{Hello: &nbv1.Hello{
			NetworkId: id[:], MinVersion: 1, MaxVersion: 1, Role: uint32(nbv1.Role_ROLE_FULL),
			Families: []nbv1.Family{nbv1.Family_FAMILY_VALIDATION}, Agent: "stranger",
		}}})
	}
}

// Meet makes a link and says hello.
func (s *Stranger) Meet(ctx context.Context) error {
	if err := s.Call(ctx); err != nil {
		return err
	}
	s.Greet()
	return nil
}

// Say sends one message of the engines' protocol.
func (s *Stranger) Say(lane nb.Lane, protocol string, m *enginev1.PeerMessage) bool {
	m.ChainId = s.chain.ID[:]
	payload, err := proto.Marshal(m)
	if err != nil {
		return false
	}
	return s.send(lane, &nbv1.Frame{Kind: &nbv1.Frame_Message{Message: &nbv1.WireMessage{
		Protocol: protocol, Chain: s.chain.Name, Payload: payload,
	}}})
}

func (s *Stranger) send(lane nb.Lane, f *nbv1.Frame) bool {
	b, err := proto.Marshal(f)
	return err == nil && s.net.Send(s.to.Node, lane, b)
}

// Linked tells whether the link is up.
func (s *Stranger) Linked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.linked
}

// Received is how many bytes it was sent.
func (s *Stranger) Received() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received
}

// LastAccepted asks for the last accepted block.
func (s *Stranger) LastAccepted(ctx context.Context) ([]byte, error) {
	for range 50 {
		s.Say(nb.LaneConsensus, "consensus", &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_GetAcceptedFrontier{
			GetAcceptedFrontier: &enginev1.GetAcceptedFrontier{RequestId: 1},
		}})
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		s.mu.Lock()
		last := s.last
		s.mu.Unlock()
		if last != nil {
			return last, nil
		}
	}
	return nil, errors.New("nobody says which block is the last one")
}

func (s *Stranger) hear(e nb.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case nb.Up:
		s.linked = true
		s.tell(nil)
	case nb.Unreachable:
		s.tell(e.Err)
	case nb.Down:
		s.linked, s.why = false, e.Err
	case nb.Frame:
		s.received += len(e.Bytes)
		s.read(e)
		go s.net.Consumed(e.Peer, e.Lane, len(e.Bytes))
	}
}

func (s *Stranger) tell(err error) {
	select {
	case s.up <- err:
	default:
	}
}

// read looks for the last accepted block.
func (s *Stranger) read(e nb.Event) {
	var f nbv1.Frame
	var m enginev1.PeerMessage
	if e.Lane != nb.LaneConsensus || proto.Unmarshal(e.Bytes, &f) != nil || f.GetMessage() == nil ||
		proto.Unmarshal(f.GetMessage().GetPayload(), &m) != nil {
		return
	}
	if frontier := m.GetAcceptedFrontier_(); frontier != nil {
		s.last = frontier.GetContainerId()
	}
}
