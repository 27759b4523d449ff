package networkbridge

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/addrbook"
	"github.com/reevenet/reeve/internal/core/peerslots"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/reputation"
	"github.com/reevenet/reeve/internal/core/view"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// alone is the surroundings of one part of a bridge: the test plays the overseer and the network.
type alone struct {
	*overseertest.Overseer
	sub *subsystem.Sub
	net *wire
}

// wire is a network that nobody is on: it writes down what is asked of it.
type wire struct {
	sent      []*nbv1.Frame
	to        []primitives.NodeID
	called    []primitives.NodeID
	ended     []primitives.NodeID
	probed    []string
	full      bool // no queue has room
	delivered func(Event)
}

func (w *wire) Self() primitives.NodeID               { return node(0) }
func (w *wire) Start(f func(Event)) error             { w.delivered = f; return nil }
func (w *wire) Addresses() []string                   { return []string{"/ip4/8.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1"} }
func (w *wire) Consumed(primitives.NodeID, Lane, int) {}
func (w *wire) Connect(a Address)                     { w.called = append(w.called, a.Node) }
func (w *wire) Disconnect(id primitives.NodeID)       { w.ended = append(w.ended, id) }
func (w *wire) Probe(_ primitives.NodeID, at string)  { w.probed = append(w.probed, at) }
func (w *wire) Close() error                          { return nil }

func (w *wire) Send(to primitives.NodeID, _ Lane, frame []byte) bool {
	var f nbv1.Frame
	if err := proto.Unmarshal(frame, &f); err != nil || w.full {
		return false
	}
	w.sent, w.to = append(w.sent, &f), append(w.to, to)
	return true
}

// frames takes what was sent since the last time.
func (w *wire) frames() []*nbv1.Frame {
	f := w.sent
	w.sent, w.to = nil, nil
	return f
}

// idle stands in the bridge's place.
type idle struct{ requests []*subsystem.Message }

func (i *idle) Signal(*overseerv1.Signal)   {}
func (i *idle) Handle(m *subsystem.Message) { i.requests = append(i.requests, m) }

func node(i int) primitives.NodeID { return primitives.NodeID{byte(i + 1)} }

var testProtocol = Protocol{
	Name: "test", Subsystem: "engine", Lane: LaneBacking,
	Event: func(e *nbv1.NetworkBridgeEvent) proto.Message { return &enginev1.NetworkBridgeUpdate{Event: e} },
}

func testAlone(t *testing.T) *alone {
	a := &alone{net: &wire{}}
	spec := Spec(Config{Protocols: []Protocol{testProtocol}})
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		a.sub = sub
		return &idle{}, nil
	}
	a.Overseer = overseertest.Start(t, spec)
	return a
}

// do runs f as the handler would.
func (a *alone) do(f func()) {
	a.sub.Post(f)
	a.Step()
}

// ask has the part see a request of a subsystem, and returns it and its answer.
func (a *alone) ask(req proto.Message) (*subsystem.Message, *overseertest.Answer) {
	answer := a.Ask("engine", req)
	requests := a.Handler().(*idle).requests
	return requests[len(requests)-1], answer
}

// testAddress is where a node is: on the internet.
func testAddress(i int) string { return fmt.Sprintf("/ip4/8.0.%d.7/tcp/9651", i) }

// links of peers that have said hello and take part in validation.
func (a *alone) links(peers ...int) *links {
	l := &links{
		net: a.net, dropped: &nbv1.Dropped{}, peers: map[primitives.NodeID]*peer{},
		faults: map[primitives.NodeID]string{},
	}
	for _, i := range peers {
		l.add(&peer{
			id: node(i), hello: []byte("hello"), address: testAddress(i), mute: func() {},
			served:   servedToOne.bucket(1),
			families: []nbv1.Family{nbv1.Family_FAMILY_VALIDATION}, views: map[nbv1.Family]view.View{},
		})
	}
	return l
}

func (a *alone) conduct() *conduct {
	return &conduct{
		sub: a.sub, ledger: reputation.New(),
		ban: func(id primitives.NodeID, _ time.Time, _ string) { a.net.Disconnect(id) },
	}
}

func (a *alone) subscribers(t *testing.T, p Protocol) *subscribers {
	t.Helper()
	s := &subscribers{sub: a.sub, dropped: &nbv1.Dropped{}, named: map[topic]*protocol{}}
	s.state = func(*protocol) []*nbv1.NetworkBridgeEvent { return nil }
	if err := s.add(p, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func (a *alone) dialer(cfg Config, requested ...int) *dialer {
	wanted := func(id primitives.NodeID) bool {
		for _, i := range requested {
			if id == node(i) {
				return true
			}
		}
		return false
	}
	return &dialer{
		sub: a.sub, net: a.net, book: addrbook.New(node(0), a.sub.Rand()),
		slots:    peerslots.New(200, func(primitives.NodeID) (time.Time, bool) { return a.sub.Now(), true }),
		standing: newStanding(&cfg, wanted), conduct: a.conduct(), calls: map[primitives.NodeID]bool{},
	}
}

func (d *dialer) rumours() *rumours {
	reach := addrbook.NewReach(d.net.Addresses(), false)
	return &rumours{sub: d.sub, net: d.net, book: d.book, standing: d.standing, reach: reach}
}

// news are the events that subsystems were sent since the last time.
func (a *alone) news() (all []*nbv1.NetworkBridgeEvent) {
	for _, s := range a.Sent() {
		all = append(all, s.Body.(*enginev1.NetworkBridgeUpdate).GetEvent())
	}
	return all
}
