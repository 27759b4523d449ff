package overseer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// The rules of the bus are proven one by one in the rule_*_test.go files, on a whole node in memory: real core, real
// loops.

// part is a subsystem that notes what it hears and does what the test says. What it has noted outlives its process.
type part struct {
	sub    *subsystem.Sub
	heard  []string
	starts int
	on     func(*subsystem.Message) // nil: requests stay open
}

func (p *part) Signal(sig *overseerv1.Signal) {
	of := ""
	if sig.Chain != "" && p.sub.Chain() == "" {
		of = " of " + sig.Chain
	}
	switch k := sig.Kind.(type) {
	case *overseerv1.Signal_StartWork:
		p.heard = append(p.heard, "start "+string(k.StartWork.Hash[:1])+of)
	case *overseerv1.Signal_StopWork:
		p.heard = append(p.heard, "stop "+string(k.StopWork.Hash[:1])+of)
	case *overseerv1.Signal_BlockFinalized:
		p.heard = append(p.heard, "final "+string(k.BlockFinalized.Hash[:1])+of)
	}
}

func (p *part) Handle(m *subsystem.Message) {
	line := string(m.Body.ProtoReflect().Descriptor().Name())
	if b, ok := m.Body.(interface{ GetPayload() []byte }); ok {
		line += " " + string(b.GetPayload())
	}
	if m.Attempt > 0 {
		line += fmt.Sprintf(" again %d", m.Attempt)
	}
	p.heard = append(p.heard, line)
	if p.on != nil {
		p.on(m)
	}
}

// hears compares what was heard since the last call.
func (p *part) hears(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, p.heard); diff != "" {
		t.Errorf("heard (-want +got)\n%s", diff)
	}
	p.heard = nil
}

// spec makes a subsystem of a part; declares are what it sends and asks.
func (p *part) spec(name string, class subsystem.Class, declares ...proto.Message) subsystem.Spec {
	s := subsystem.Spec{Name: name, Class: class, New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
		p.sub = sub
		p.starts++
		return p, nil
	}}
	for _, m := range declares {
		if registry.Node().Of(m).IsRequest() {
			s.Asks = append(s.Asks, m)
		} else {
			s.Sends = append(s.Sends, m)
		}
	}
	return s
}

// bridge is the receiver in most stories: it has a variant on every lane.
func (p *part) bridge() subsystem.Spec { return p.spec("network-bridge", subsystem.Single) }

// sender may say everything that the stories need, and make blocks.
func (p *part) sender() subsystem.Spec {
	return p.spec("bitfield-signing", subsystem.Single, &networkbridgev1.SendMessage{},
		&networkbridgev1.SendConsensusMessage{},
		&networkbridgev1.SendGossip{}, &networkbridgev1.SendBulk{}, &networkbridgev1.SendRequest{},
		&networkbridgev1.ConnectToValidators{},
		&networkbridgev1.Peers{}, &overseerv1.BlockImported{}, &overseerv1.BlockAccepted{},
		&overseerv1.WaitForActivation{})
}

func message(s string) proto.Message { return &networkbridgev1.SendMessage{Payload: []byte(s)} }
func bulk(s string) proto.Message    { return &networkbridgev1.SendBulk{Payload: []byte(s)} }
func gossip(s string) proto.Message  { return &networkbridgev1.SendGossip{Payload: []byte(s)} }
func vote(s string) proto.Message {
	return &networkbridgev1.SendConsensusMessage{Payload: []byte(s)}
}

func imported(name, parent string, number uint64) proto.Message {
	return &overseerv1.BlockImported{Hash: block(name), Parent: block(parent), Number: number}
}

func block(name string) []byte { return append([]byte(name), make([]byte, 32-len(name))...) }

// pair is a node of a sender and a bridge.
type pair struct {
	*overseertest.Bus
	a, b           *part
	sender, bridge *overseertest.Member
}

func newPair(t *testing.T, cfg overseer.Config) *pair {
	t.Helper()
	p := &pair{a: &part{}, b: &part{}}
	cfg.Specs = []subsystem.Spec{p.a.sender(), p.b.bridge()}
	p.Bus = overseertest.NodeWith(t, cfg)
	p.sender, p.bridge = p.Attach(p.a.sender(), "sender"), p.Attach(p.b.bridge(), "bridge")
	p.Settle()
	return p
}

// say sends messages of the sender's.
func (p *pair) say(messages ...proto.Message) {
	p.sender.Do(func(sub *subsystem.Sub) {
		for _, m := range messages {
			sub.Send(m)
		}
	})
}

// outcome is what became of an ask.
type outcome struct {
	ends int
	err  error
	resp proto.Message
}

func (o *outcome) code(t *testing.T, want subsystem.Code) {
	t.Helper()
	if o.ends != 1 || subsystem.CodeOf(o.err) != want {
		t.Errorf("%d ends, %v, want one of %v", o.ends, o.err, want)
	}
}

func ask[R proto.Message](m *overseertest.Member, req proto.Message, timeout time.Duration) *outcome {
	o := &outcome{}
	m.Post(func(sub *subsystem.Sub) {
		subsystem.Ask(sub, req, timeout, func(r R, err error) {
			o.ends++
			o.resp, o.err = r, err
		})
	})
	return o
}

// request is one that isn't safe to repeat, peers one that is.
func (p *pair) request(timeout time.Duration) *outcome {
	return ask[*networkbridgev1.SendRequestResponse](p.sender, &networkbridgev1.SendRequest{Payload: []byte("r")},
		timeout)
}

func (p *pair) peers(timeout time.Duration) *outcome {
	return ask[*networkbridgev1.PeersResponse](p.sender, &networkbridgev1.Peers{}, timeout)
}

// answerAll answers every request that the stories ask.
func answerAll(m *subsystem.Message) {
	switch m.Body.(type) {
	case *networkbridgev1.SendRequest:
		m.Reply(&networkbridgev1.SendRequestResponse{})
	case *networkbridgev1.Peers:
		m.Reply(&networkbridgev1.PeersResponse{})
	case *availabilitystorev1.QueryDataAvailability:
		m.Reply(&availabilitystorev1.QueryDataAvailabilityResponse{})
	}
}
