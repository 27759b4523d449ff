package networkbridge_test

import (
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/core/twins"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// calls has a node call the bridge and say hello, in the place of whoever has the same identity.
func (p *peer) calls() {
	p.s.t.Helper()
	if err := p.Start(p.hear); err != nil {
		p.s.t.Fatal(err)
	}
	p.Disconnect(p.s.me)
	p.s.run()
	p.Connect(nb.Address{Node: p.s.me})
	p.s.run()
	p.greet(validation)
}

func twinsHeard(p *peer) (n int) {
	for _, f := range p.heard() {
		if f.GetTwin() != nil {
			n++
		}
	}
	return n
}

func TestTwoNodesWithTheIdentityOfAValidatorAreNamedAndTold(t *testing.T) {
	s := opened(t)
	s.Send("engine", validators(1, 2, 3, 4))
	original, copied := &peer{Node: s.net.Node(id(2)), s: s}, &peer{Node: s.net.Node(id(2)), s: s}
	for turn := range 3 {
		if original.calls(); s.Number("twins") != 0 && turn < 2 {
			t.Fatalf("turn %d: two nodes are seen too early", turn)
		}
		copied.calls()
	}
	if n := s.Number("twins"); n != 1 || s.Trouble("identity") != "" {
		t.Errorf("%d identities are named, and of this one: %q", n, s.Trouble("identity"))
	}
	if twinsHeard(original) == 0 || twinsHeard(copied) == 0 {
		t.Error("the identity's holder isn't told")
	}
	if s.Advance(2 * twins.Lasts); s.Number("twins") != 0 {
		t.Error("it doesn't end when they have stopped taking turns")
	}
	if copied.calls(); twinsHeard(copied) != 0 {
		t.Error("it is told after that")
	}
}

func TestOfStrangersNobodyMindsHowManyThereAre(t *testing.T) {
	s := opened(t)
	a, b := &peer{Node: s.net.Node(id(9)), s: s}, &peer{Node: s.net.Node(id(9)), s: s}
	for range 4 {
		a.calls()
		b.calls()
	}
	if s.Number("twins") != 0 {
		t.Error("they are named")
	}
}

// One validator may lie. More than a third of the stake doesn't.
func TestANodeIsUnwellWhenEnoughValidatorsSeeTwoOfIt(t *testing.T) {
	s := opened(t)
	s.Send("engine", validators(1, 2, 3, 4))
	twin := &nbv1.Frame{Kind: &nbv1.Frame_Twin{Twin: &nbv1.Twin{}}}
	stranger, two, three := s.friend(9, validation), s.friend(2, validation), s.friend(3, validation)
	for _, p := range []*peer{stranger, two, two} {
		p.send(nb.LaneBacking, twin)
	}
	if cause := s.Trouble("identity"); cause != "" {
		t.Errorf("on the word of one validator and of a stranger: %s", cause)
	}
	three.send(nb.LaneBacking, twin)
	if cause := s.Trouble("identity"); !strings.Contains(cause, "another node runs with this node's identity") {
		t.Errorf("when two of four validators say it: %q", cause)
	}
	if s.Advance(2 * twins.Lasts); s.Trouble("identity") != "" {
		t.Error("it doesn't end")
	}
}
