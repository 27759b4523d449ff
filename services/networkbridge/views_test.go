package networkbridge_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
}

// views reads what a peer was shown of our view.
func views(frames []*nbv1.Frame) (out []string) {
	for _, f := range frames {
		if u := f.GetViewUpdate(); u != nil {
			out = append(out, u.GetFamily().String()+" "+heads(&nbv1.View{Heads: u.GetHeads()}))
		}
	}
	return out
}

func (s *fixture) leaf(n byte) {
	h, parent := hash(n), hash(n-1)
	s.StartWork(h[:], parent[:], uint64(n))
	s.run()
}

func (s *fixture) stop(n byte) {
	h := hash(n)
	s.StopWork(h[:])
	s.run()
}

func TestANewPeerGetsOurViewAndIsReportedWithTheEmptyOne(t *testing.T) {
	s := opened(t)
	s.leaf(7)
	expect(t, s.news(), "engine: our view is [7]", "statements: our view is [7]", "collator: our view is [7]")
	p := s.peer(2)
	p.greet(validation)
	expect(t, views(p.heard()), "FAMILY_VALIDATION [7]")
	expect(t, s.news(), "engine: connected 2", "engine: view of 2 is []",
		"statements: connected 2", "statements: view of 2 is []")
}

func TestALeafIsShownToEveryPeerThenToEverySubsystemOnce(t *testing.T) {
	s := opened(t)
	a, b := s.friend(2, validation), s.friend(3, validation, collation)
	s.news()
	s.leaf(7)
	s.leaf(7)
	expect(t, views(a.heard()), "FAMILY_VALIDATION [7]")
	expect(t, views(b.heard()), "FAMILY_VALIDATION [7]", "FAMILY_COLLATION [7]")
	expect(t, s.news(), "engine: our view is [7]", "statements: our view is [7]", "collator: our view is [7]")
	s.Finalized(raw(primitives.NodeID(hash(7))), 7)
	s.run()
	if got := a.heard(); len(got) != 0 {
		t.Errorf("finality alone was shown as %v", got)
	}
}

func TestOurViewIsTheNewestFive(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	for n := byte(1); n <= 7; n++ {
		s.leaf(n)
	}
	p.heard()
	s.stop(1)
	if got := p.heard(); len(got) != 0 {
		t.Errorf("a leaf outside the view was shown as %v", got)
	}
	s.stop(7)
	expect(t, views(p.heard()), "FAMILY_VALIDATION [6 5 4 3 2]")
}

func TestAPeersViewIsPassedOnWhenItChanges(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	p.view(validation, hash(9))
	p.view(validation, hash(9))
	expect(t, s.news(), "engine: view of 2 is [9]", "statements: view of 2 is [9]")
}

func TestEachFamilySeesItsOwnView(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation, collation)
	s.news()
	p.view(collation, hash(8))
	p.view(validation, hash(9))
	expect(t, s.news(), "collator: view of 2 is [8]", "engine: view of 2 is [9]", "statements: view of 2 is [9]")
}

func TestAViewOutsideTheRulesCostsAndIsIgnored(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	p.view(validation, hash(1), hash(2), hash(3), hash(4), hash(5), hash(6))
	if got := s.info(2).GetReputation(); got != -500 {
		t.Errorf("six heads: reputation %d", got)
	}
	p.view(collation, hash(1))
	if got := s.info(2).GetReputation(); got != -550 {
		t.Errorf("a family it isn't in: reputation %d", got)
	}
	expect(t, s.news())
}

func TestWhileSyncingNoViewIsShown(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	s.Send("engine", &nbv1.SetSyncing{Syncing: true})
	s.leaf(6)
	s.leaf(7)
	if got := p.heard(); len(got) != 0 {
		t.Errorf("shown while syncing: %v", got)
	}
	expect(t, s.news())
	s.Send("engine", &nbv1.SetSyncing{Syncing: false})
	s.run()
	expect(t, views(p.heard()), "FAMILY_VALIDATION [7 6]")
}

func TestALightClientIsShownNoViews(t *testing.T) {
	s := opened(t)
	p := s.peer(2)
	h := hello(validation)
	h.Role = uint32(nbv1.Role_ROLE_LIGHT)
	p.greetWith(h)
	s.leaf(3)
	expect(t, views(p.heard()))
}

// A subsystem that had no room for a burst of news gets everything anew as soon as it has: what it knows is right in
// the end.
func TestNewsThatFoundNoRoomIsSentAnew(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	const burst = 1501
	for n := range burst {
		h := hash(byte(n%2 + 1))
		b, err := proto.Marshal(
			&nbv1.Frame{Kind: &nbv1.Frame_ViewUpdate{ViewUpdate: &nbv1.ViewUpdate{Family: validation,
				Heads: [][]byte{h[:]}}}},
		)
		if err != nil {
			t.Fatal(err)
		}
		p.Send(s.me, nb.LaneBacking, b)
	}
	s.run()
	engine := 0
	for _, line := range s.news() {
		if strings.HasPrefix(line, "engine") {
			engine++
		}
	}
	if engine >= burst {
		t.Fatalf("all %d found room: the test shows nothing", engine)
	}
	s.Advance(time.Second)
	expect(t, s.news(), "engine: reset", "engine: connected 2", "engine: view of 2 is [1]",
		"statements: reset", "statements: connected 2", "statements: view of 2 is [1]")
}

func TestAProtocolWithoutUseForViewsHearsOnlyWhoIsThere(t *testing.T) {
	s := opened(t, func(c *nb.Config) {
		c.Protocols = slices.Clone(protocols)
		c.Protocols[0].NoViews = true
	})
	s.leaf(7)
	p := s.friend(2, validation)
	p.send(nb.LaneBacking, &nbv1.Frame{
		Kind: &nbv1.Frame_ViewUpdate{ViewUpdate: &nbv1.ViewUpdate{Family: validation, Heads: [][]byte{raw(id(9))}}},
	})
	s.run()
	expect(t, s.news(),
		"statements: our view is [7]", "collator: our view is [7]",
		"engine: connected 2", "statements: connected 2", "statements: view of 2 is []", "statements: view of 2 is [9]")
}

func TestNobodyIsShownAViewThatNobodyHasUseFor(t *testing.T) {
	s := opened(t, func(c *nb.Config) {
		c.Protocols = slices.Clone(protocols)
		c.Protocols[0].NoViews, c.Protocols[1].NoViews = true, true
	})
	p := s.friend(2, validation, collation)
	s.leaf(7)
	expect(t, views(p.heard()), "FAMILY_COLLATION [7]")
	late := s.peer(3)
	late.greet(validation, collation)
	expect(t, views(late.heard()), "FAMILY_COLLATION [7]")
}
