package networkbridge_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// twoChains is a node of the chains a and b. The engines speak "snow" for their chain, the others for none.
func twoChains(t *testing.T) *fixture {
	return opened(t, func(c *nb.Config) {
		c.Chains = []string{"a", "b"}
		c.Protocols = append([]nb.Protocol(nil), protocols...)
		c.Protocols[0].PerChain, c.Protocols[0].NoViews = true, true
	})
}

// ofChains takes what the bridge sent the engines, each line with the chain that it is about.
func (s *fixture) ofChains() (lines []string) {
	for _, m := range s.Sent() {
		if u, ok := m.Body.(*enginev1.NetworkBridgeUpdate); ok {
			lines = append(lines, m.Chain+": "+describe(u.GetEvent()))
		}
	}
	return lines
}

func (p *peer) messageOf(chain, text string) {
	p.send(nb.LaneConsensus, &nbv1.Frame{Kind: &nbv1.Frame_Message{Message: &nbv1.WireMessage{
		Protocol: "snow", Chain: chain, Payload: []byte(text),
	}}})
}

func TestAPeersMessageReachesTheEngineOfItsChain(t *testing.T) {
	s := twoChains(t)
	p := s.friend(2, validation)
	expect(t, s.ofChains(), "a: connected 2", "b: connected 2")
	p.messageOf("b", "hello")
	expect(t, s.ofChains(), `b: 2 says "hello"`)
	p.messageOf("a", "good day")
	expect(t, s.ofChains(), `a: 2 says "good day"`)

	before := s.info(2).GetReputation()
	p.messageOf("c", "is anybody here?")
	p.messageOf("", "is anybody here?")
	expect(t, s.ofChains())
	if now := s.info(2).GetReputation(); now >= before {
		t.Errorf("a chain that isn't one costs nothing: %d, then %d", before, now)
	}
}

func TestWhatAnEngineSendsSaysItsChainToThePeer(t *testing.T) {
	s := twoChains(t)
	p := s.friend(2, validation)
	s.Sent()
	s.On("b")
	s.Send("engine", &nbv1.SendConsensusMessage{Peers: [][]byte{raw(id(2))}, Protocol: "snow", Payload: []byte("vote")})
	s.On("")
	s.Send("statement-distribution",
		&nbv1.SendMessage{Peers: [][]byte{raw(id(2))}, Protocol: "stmt", Payload: []byte("word")})
	s.run()
	var got []string
	for _, f := range p.heard() {
		m := f.GetMessage()
		got = append(got, m.GetProtocol()+" of "+m.GetChain()+": "+string(m.GetPayload()))
	}
	if d := cmp.Diff([]string{"snow of b: vote", "stmt of : word"}, got); d != "" {
		t.Error(d)
	}
}

func TestAnEngineThatRegistersAgainDisturbsNoOther(t *testing.T) {
	s := twoChains(t)
	s.friend(2, validation)
	s.Sent()
	s.On("b")
	s.Send("engine", &nbv1.RegisterEventProducer{Protocol: "snow"})
	expect(t, s.ofChains(), "b: reset", "b: connected 2")
}

// While one chain is syncing what was shown of it stays, and the other's leaves go on.
func TestOneChainThatIsSyncingKeepsNothingOfTheOther(t *testing.T) {
	s := twoChains(t)
	p := s.friend(2, validation)
	s.On("a")
	s.leaf(1)
	s.On("b")
	s.leaf(11)
	expect(t, views(p.heard()), "FAMILY_VALIDATION [1]", "FAMILY_VALIDATION [1 11]")
	s.Send("engine", &nbv1.SetSyncing{Syncing: true})
	s.stop(11)
	expect(t, views(p.heard()))
	s.On("a")
	s.leaf(2)
	expect(t, views(p.heard()), "FAMILY_VALIDATION [2 11 1]")
	s.On("b")
	s.Send("engine", &nbv1.SetSyncing{Syncing: false})
	s.run()
	expect(t, views(p.heard()), "FAMILY_VALIDATION [2 1]")
}
