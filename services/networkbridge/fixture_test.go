package networkbridge_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
)

// The protocols of the stories: two of the validation family, one of the collation family.
var protocols = []nb.Protocol{
	{Name: "snow", Subsystem: "engine", Lane: nb.LaneConsensus, Event: toEngine},
	{Name: "stmt", Subsystem: "statement-distribution", Lane: nb.LaneBacking, Event: toStatements},
	{Name: "coll", Subsystem: "collator", Lane: nb.LaneBacking, Event: toCollator, Family: collation, MaxPayload: 1000},
}

func toEngine(e *nbv1.NetworkBridgeEvent) proto.Message {
	return &enginev1.NetworkBridgeUpdate{Event: e}
}
func toStatements(e *nbv1.NetworkBridgeEvent) proto.Message {
	return &sdv1.NetworkBridgeUpdate{Event: e}
}
func toCollator(e *nbv1.NetworkBridgeEvent) proto.Message {
	return &collatorv1.NetworkBridgeUpdate{Event: e}
}

const (
	validation = nbv1.Family_FAMILY_VALIDATION
	collation  = nbv1.Family_FAMILY_COLLATION
)

func id(n byte) primitives.NodeID     { return primitives.NodeID{n} }
func hash(n byte) primitives.Hash     { return primitives.Hash{n} }
func raw(id primitives.NodeID) []byte { return id[:] }

// fixture is a bridge, with the test as its overseer, on a network of scripted peers.
type fixture struct {
	*overseertest.Overseer
	t    *testing.T
	net  *memnet.Network
	me   primitives.NodeID
	mine *memnet.Node
}

func newFixture(t *testing.T, change ...func(*nb.Config)) *fixture {
	net := memnet.New(memnet.Config{})
	mine := net.Node(id(1))
	cfg := nb.Config{
		Transport: mine, NetworkID: hash(42), Protocols: protocols, Agent: "reeve/test",
		Families: []nbv1.Family{validation, collation},
	}
	for _, c := range change {
		c(&cfg)
	}
	s := &fixture{Overseer: overseertest.Start(t, nb.Spec(cfg)), t: t, net: net, me: id(1), mine: mine}
	s.run()
	return s
}

// opened is a fixture whose subsystems have heard that they know no peer.
func opened(t *testing.T, change ...func(*nb.Config)) *fixture {
	s := newFixture(t, change...)
	s.Sent()
	return s
}

// run lets the network and the bridge work until nothing is left to do.
func (s *fixture) run() {
	for range 100 {
		s.net.Run()
		s.Step()
	}
}

// peer is a node that the test plays by hand.
type peer struct {
	*memnet.Node
	s      *fixture
	frames []*nbv1.Frame
	lanes  []nb.Lane
	up     bool
}

// peer joins the network and calls the bridge, without a word.
func (s *fixture) peer(n byte) *peer {
	s.t.Helper()
	p := &peer{Node: s.net.Node(id(n)), s: s}
	if err := p.Start(p.hear); err != nil {
		s.t.Fatal(err)
	}
	p.Connect(nb.Address{Node: s.me})
	s.run()
	return p
}

// friend is a peer that has said hello on every lane; what it heard so far is forgotten.
func (s *fixture) friend(n byte, families ...nbv1.Family) *peer {
	s.t.Helper()
	p := s.peer(n)
	p.greet(families...)
	p.heard()
	return p
}

func (p *peer) hear(e nb.Event) {
	switch e.Kind {
	case nb.Up:
		p.up = true
	case nb.Down:
		p.up = false
	case nb.Frame:
		var f nbv1.Frame
		if err := proto.Unmarshal(e.Bytes, &f); err != nil {
			p.s.t.Fatalf("the bridge sent what can't be read: %v", err)
		}
		p.frames, p.lanes = append(p.frames, &f), append(p.lanes, e.Lane)
	}
}

// heard takes the frames that came since the last call, hellos left out.
func (p *peer) heard() (out []*nbv1.Frame) {
	for _, f := range p.frames {
		if f.GetHello() == nil {
			out = append(out, f)
		}
	}
	p.frames, p.lanes = nil, nil
	return out
}

func hello(families ...nbv1.Family) *nbv1.Hello {
	h := hash(42)
	return &nbv1.Hello{
		NetworkId: h[:], MinVersion: 1, MaxVersion: 1, Families: families, Role: uint32(nbv1.Role_ROLE_FULL),
		Agent: "scripted",
	}
}

func (p *peer) greet(families ...nbv1.Family) { p.greetWith(hello(families...)) }

func (p *peer) greetWith(h *nbv1.Hello) {
	p.s.t.Helper()
	for lane := range nb.Lanes {
		p.send(lane, &nbv1.Frame{Kind: &nbv1.Frame_Hello{Hello: h}})
	}
}

func (p *peer) send(lane nb.Lane, f *nbv1.Frame) {
	p.s.t.Helper()
	b, err := proto.Marshal(f)
	if err != nil {
		p.s.t.Fatal(err)
	}
	p.sendRaw(lane, b)
}

func (p *peer) sendRaw(lane nb.Lane, b []byte) {
	p.Send(p.s.me, lane, b)
	p.s.run()
}

func (p *peer) message(lane nb.Lane, protocol string, payload string) {
	p.s.t.Helper()
	p.send(lane, &nbv1.Frame{
		Kind: &nbv1.Frame_Message{Message: &nbv1.WireMessage{Protocol: protocol, Payload: []byte(payload)}},
	})
}

func (p *peer) view(f nbv1.Family, heads ...primitives.Hash) {
	p.s.t.Helper()
	u := &nbv1.ViewUpdate{Family: f}
	for _, h := range heads {
		u.Heads = append(u.Heads, h[:])
	}
	p.send(nb.LaneBacking, &nbv1.Frame{Kind: &nbv1.Frame_ViewUpdate{ViewUpdate: u}})
}

// news takes what the bridge sent the subsystems, as lines: "engine: connected 2".
func (s *fixture) news() (lines []string) {
	for _, m := range s.Sent() {
		switch u := m.Body.(type) {
		case *enginev1.NetworkBridgeUpdate:
			lines = append(lines, "engine: "+describe(u.GetEvent()))
		case *sdv1.NetworkBridgeUpdate:
			lines = append(lines, "statements: "+describe(u.GetEvent()))
		case *collatorv1.NetworkBridgeUpdate:
			lines = append(lines, "collator: "+describe(u.GetEvent()))
		default:
			lines = append(lines, fmt.Sprintf("%T", u))
		}
	}
	return lines
}

func describe(e *nbv1.NetworkBridgeEvent) string {
	switch k := e.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeerConnected:
		return fmt.Sprintf("connected %d", k.PeerConnected.GetPeer()[0])
	case *nbv1.NetworkBridgeEvent_PeerDisconnected:
		return fmt.Sprintf("disconnected %d", k.PeerDisconnected.GetPeer()[0])
	case *nbv1.NetworkBridgeEvent_PeerViewChange:
		return fmt.Sprintf("view of %d is %s", k.PeerViewChange.GetPeer()[0], heads(k.PeerViewChange.GetView()))
	case *nbv1.NetworkBridgeEvent_OurViewChange:
		return "our view is " + heads(k.OurViewChange.GetView())
	case *nbv1.NetworkBridgeEvent_PeerRequest:
		return fmt.Sprintf("%d asks %q", k.PeerRequest.GetPeer()[0], k.PeerRequest.GetPayload())
	case *nbv1.NetworkBridgeEvent_PeersReset:
		return "reset"
	}
	out := ""
	for _, m := range e.Messages() {
		out += fmt.Sprintf("%d says %q ", m.GetPeer()[0], m.GetPayload())
	}
	return out[:max(0, len(out)-1)]
}

func heads(v *nbv1.View) string {
	out := []byte{}
	for _, h := range v.GetHeads() {
		out = append(out, h[0])
	}
	return fmt.Sprint(out)
}

// score is what the bridge reports as the peer's reputation.
func (s *fixture) info(n byte) *nbv1.PeerInfo {
	s.t.Helper()
	r := overseertest.Must[*nbv1.PeersResponse](s.t, s.Ask("cli", &nbv1.Peers{}))
	for _, p := range r.GetPeers() {
		if p.GetPeer()[0] == n {
			return p
		}
	}
	return &nbv1.PeerInfo{}
}

// marshal makes the frame of a consensus message.
func marshal(text string) ([]byte, error) {
	return proto.Marshal(
		&nbv1.Frame{Kind: &nbv1.Frame_Message{Message: &nbv1.WireMessage{Protocol: "snow", Payload: []byte(text)}}},
	)
}

func TestEveryVariantIsHandled(t *testing.T) {
	net := memnet.New(memnet.Config{})
	overseertest.Exhaustive(t,
		nb.Spec(nb.Config{Transport: net.Node(id(1)), NetworkID: hash(42), Protocols: protocols}))
}
