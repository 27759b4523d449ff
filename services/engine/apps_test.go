package engine

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

func (n *node) saw(event string) bool { return slices.Contains(n.events, event) }

func TestAnAppRequestAndItsAnswerAreCarried(t *testing.T) {
	s := newFixture(t, 2).start()
	s.pass(50 * time.Millisecond)
	a, b := s.nodes[0], s.nodes[1]
	a.Send("vm", &enginev1.SendAppRequest{
		NodeIds: [][]byte{b.id[:]}, RequestId: 7, Request: []byte("question"), DeadlineMs: 1000,
	})
	s.pass(5 * time.Millisecond)
	if !b.saw("app request 7 question") {
		t.Fatalf("the peer's VM saw %v", b.events)
	}
	b.Send("vm", &enginev1.SendAppResponse{NodeId: a.id[:], RequestId: 7, Response: []byte("answer")})
	s.pass(time.Minute)
	if got := a.events; len(got) != 1 || got[0] != "app response 7 answer" {
		t.Errorf("the VM saw %v", got)
	}
}

func TestAnAppErrorKeepsItsCode(t *testing.T) {
	s := newFixture(t, 2).start()
	s.pass(50 * time.Millisecond)
	a, b := s.nodes[0], s.nodes[1]
	for id, code := range []int32{42, -1} {
		a.Send("vm", &enginev1.SendAppRequest{NodeIds: [][]byte{b.id[:]}, RequestId: uint32(id)})
		s.pass(5 * time.Millisecond)
		b.Send("vm", &enginev1.SendAppError{NodeId: a.id[:], RequestId: uint32(id), Code: code})
		s.pass(5 * time.Millisecond)
	}
	// A timeout is this node's own word: a peer that sends its code means nothing by it.
	if !a.saw("app failed 0 code 42") || !a.saw("app failed 1 code 0") {
		t.Errorf("the VM saw %v", a.events)
	}
}

func TestAnAppRequestToWhoIsNotConnectedFailsAtOnce(t *testing.T) {
	s := newFixture(t, 2).start()
	s.pass(50 * time.Millisecond)
	a, b := s.nodes[0], s.nodes[1]
	stranger := [32]byte{99}
	a.Send("vm", &enginev1.SendAppRequest{NodeIds: [][]byte{b.id[:], stranger[:]}, RequestId: 1, DeadlineMs: 1000})
	s.pass(5 * time.Millisecond)
	if want := []string{"app failed 1 code -2"}; !slices.Equal(a.events, want) {
		t.Errorf("the VM saw %v, want %v", a.events, want)
	}
	if !b.saw("app request 1 ") {
		t.Errorf("the peer's VM saw %v", b.events)
	}
}

func TestAnEngineThatHasStoppedAnswersNoVM(t *testing.T) {
	s := newFixture(t, 2).start()
	s.pass(50 * time.Millisecond)
	a, b := s.nodes[0], s.nodes[1]
	b.Send("test", &enginev1.Shutdown{})
	s.settle()
	a.Send("vm", &enginev1.SendAppRequest{NodeIds: [][]byte{b.id[:]}, RequestId: 3, DeadlineMs: 1000})
	s.pass(5 * time.Millisecond)
	if !a.saw("app failed 3 code 0") {
		t.Errorf("the VM saw %v", a.events)
	}
	b.Send("vm", &enginev1.SendAppRequest{NodeIds: [][]byte{a.id[:]}, RequestId: 4, DeadlineMs: 1000})
	s.pass(5 * time.Millisecond)
	if !b.saw("app failed 4 code -2") {
		t.Errorf("the VM of the engine that has stopped saw %v", b.events)
	}
}

// A validator isn't cut off on the word of one subsystem, so what it says next isn't looked at for a while.
func TestWhoGossipsWhatIsInvalidPaysAndIsNotHeardForAMoment(t *testing.T) {
	s := newFixture(t, 3).start()
	s.pass(50 * time.Millisecond)
	a, liar, honest := s.nodes[0], s.nodes[1], s.nodes[2]
	say := func(n *node, what string) {
		to := &enginev1.SendConfig{NodeIds: [][]byte{a.id[:]}}
		n.Send("vm", &enginev1.SendAppGossip{Config: to, Gossip: []byte(what)})
		s.pass(5 * time.Millisecond)
	}
	say(liar, "rubbish")
	a.Send("vm", &enginev1.InvalidAppGossip{NodeId: liar.id[:], Reason: "rubbish"})
	s.settle()
	if a.costs[liar.id] != costInvalidGossip {
		t.Errorf("it cost %d", a.costs[liar.id])
	}
	say(liar, "more rubbish")
	say(honest, "news")
	if !a.saw("app gossip rubbish") || a.saw("app gossip more rubbish") || !a.saw("app gossip news") {
		t.Errorf("at once the VM saw %v", a.events)
	}
	s.pass(muteGossip)
	say(liar, "good news")
	if !a.saw("app gossip good news") {
		t.Errorf("later the VM saw %v", a.events)
	}
	stranger := [32]byte{99}
	a.Send("vm", &enginev1.InvalidAppGossip{NodeId: stranger[:]})
	a.Send("vm", &enginev1.InvalidAppGossip{NodeId: []byte("nobody")})
	if s.settle(); len(a.costs) != 1 {
		t.Errorf("somebody who isn't there pays: %v", a.costs)
	}
}

func TestAnErrorIsNotClippedInTheMiddleOfACharacter(t *testing.T) {
	if got := clip("x" + strings.Repeat("é", mostMessage)); len(got) != mostMessage-1 || !utf8.ValidString(got) {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

func TestGossipReachesThoseThatWereChosenOnce(t *testing.T) {
	s := newFixture(t, 5).start()
	s.pass(50 * time.Millisecond)
	a := s.nodes[0]
	named := s.nodes[1]
	to := &enginev1.SendConfig{NodeIds: [][]byte{named.id[:]}, Validators: 2}
	a.Send("vm", &enginev1.SendAppGossip{Config: to, Gossip: []byte("x")})
	s.pass(5 * time.Millisecond)
	heard := 0
	for _, n := range s.nodes {
		for _, e := range n.events {
			if e == "app gossip x" {
				heard++
			}
		}
	}
	if heard != 3 || !named.saw("app gossip x") || a.saw("app gossip x") {
		t.Errorf("%d heard it", heard)
	}
}
