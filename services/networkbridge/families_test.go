package networkbridge

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

const validation = nbv1.Family_FAMILY_VALIDATION

func testFamilies(t *testing.T, p Protocol, peers ...int) (*alone, *families) {
	a := testAlone(t)
	s := a.subscribers(t, p)
	v := &views{sub: a.sub, links: a.links(peers...), subscribers: s, conduct: a.conduct(),
		chains: map[string]*chainView{}}
	f := &families{
		ours: []nbv1.Family{validation}, subscribers: s, views: v,
		standing: newStanding(&Config{}, func(primitives.NodeID) bool { return false }),
	}
	s.state = f.state
	return a, f
}

func TestAPeerIsAMemberOfTheFamiliesThatItNamesAndThatAreOurs(t *testing.T) {
	a, f := testFamilies(t, testProtocol)
	p := &peer{id: node(1), hello: []byte("hello"), views: a.links(1).get(node(1)).views}
	f.views.links.add(p)
	a.do(func() { f.set(p, []nbv1.Family{validation, nbv1.Family_FAMILY_COLLATION}) })
	if news := a.news(); !p.in(validation) || p.in(nbv1.Family_FAMILY_COLLATION) || len(news) != 2 {
		t.Fatalf("it is in %v; the subsystem gets %v", p.families, news)
	}
	a.do(func() { f.set(p, []nbv1.Family{validation}) })
	if news := a.news(); len(news) != 0 {
		t.Errorf("what is known already is sent again: %v", news)
	}
	a.do(func() { f.set(p, nil) })
	if news := a.news(); len(news) != 1 || news[0].GetPeerDisconnected() == nil || p.in(validation) {
		t.Errorf("when it leaves, the subsystem gets %v", news)
	}
}

// What a subsystem is sent anew is what it would know had it heard everything.
func TestTheStateIsEveryMemberWithItsViewAndOurs(t *testing.T) {
	a, f := testFamilies(t, testProtocol, 1, 2)
	h := primitives.Hash{9}
	a.do(func() {
		f.views.onUpdate(f.views.links.get(node(2)), &nbv1.ViewUpdate{Family: validation, Heads: [][]byte{h[:]}})
	})
	a.do(func() { f.views.leaf("", h[:], (*view.Leaves).Start) })
	a.news()
	state := f.state(f.subscribers.find("test", ""))
	if len(state) != 5 || len(state[3].GetPeerViewChange().GetView().GetHeads()) != 1 ||
		state[4].GetOurViewChange() == nil {
		t.Errorf("the state is %v", state)
	}
}

func TestOurViewIsSentWhenItChangesAndOnlyThen(t *testing.T) {
	a, f := testFamilies(t, testProtocol, 1, 2)
	h := primitives.Hash{9}
	for range 2 {
		a.do(func() { f.views.leaf("", h[:], (*view.Leaves).Start) })
	}
	if sent, news := a.net.frames(), a.news(); len(sent) != 2 || len(news) != 1 {
		t.Errorf("peers get %v, the subsystem %v", sent, news)
	}
	a.do(func() {
		f.views.setSyncing("", true)
		f.views.leaf("", h[:], (*view.Leaves).Stop)
	})
	if len(a.net.frames()) != 0 || len(a.news()) != 0 {
		t.Error("a view is sent while the node is syncing")
	}
	a.do(func() { f.views.setSyncing("", false) })
	if sent := a.net.frames(); len(sent) != 2 || len(sent[0].GetViewUpdate().GetHeads()) != 0 {
		t.Errorf("after that peers get %v", sent)
	}
}

func TestWithoutUseForViewsNoneIsSent(t *testing.T) {
	quiet := testProtocol
	quiet.NoViews = true
	a, f := testFamilies(t, quiet, 1)
	h := primitives.Hash{9}
	a.do(func() { f.views.leaf("", h[:], (*view.Leaves).Start) })
	if len(a.net.frames()) != 0 || len(a.news()) != 0 {
		t.Error("a view is sent to somebody who has no use for it")
	}
}

func testExchange(t *testing.T, peers ...int) (*alone, *exchange) {
	a := testAlone(t)
	d := a.dialer(Config{})
	x := &exchange{
		sub: a.sub, links: a.links(peers...), standing: d.standing, conduct: d.conduct, rumours: d.rumours(),
	}
	for _, i := range peers {
		p := x.links.get(node(i))
		x.rumours.introduced(p, []string{p.address})
	}
	return a, x
}

func TestPeersAreIntroducedValidatorsFirstAndNobodyToItself(t *testing.T) {
	a, x := testExchange(t, 1, 2, 3)
	x.standing.validators[node(3)] = 1
	a.do(func() { x.introduce(x.links.get(node(1))) })
	f := a.net.frames()
	if len(f) != 1 {
		t.Fatalf("%d introductions", len(f))
	}
	named := f[0].GetPeerExchange().GetPeers()
	if len(named) != 2 || primitives.NodeID(named[0].GetPeer()) != node(3) ||
		primitives.NodeID(named[1].GetPeer()) != node(2) {
		t.Errorf("named: %v", named)
	}
}

func TestWhoNamesOthersTooOftenPaysAndIsNotListenedTo(t *testing.T) {
	a, x := testExchange(t, 1)
	p, id := x.links.get(node(1)), node(7)
	e := &nbv1.PeerExchange{Peers: []*nbv1.PeerAddress{{Peer: id[:], Addresses: []string{testAddress(7)}}}}
	for i, want := range []bool{true, false} {
		a.do(func() {
			if x.learn(p, e) != want {
				t.Errorf("time %d: listened to %v", i+1, !want)
			}
		})
	}
	if !x.rumours.book.Knows(id) || x.conduct.ledger.Score(node(1), a.sub.Now()) >= 0 {
		t.Error("nothing was learnt, or too much was free")
	}
}

func TestAConnectRequestReservesASlotUntilItIsCancelled(t *testing.T) {
	a := testAlone(t)
	c, l, id := &connectRequests{}, a.links(1), node(1)
	m, answer := a.ask(&nbv1.ConnectToValidators{Validators: [][]byte{id[:]}})
	a.do(func() { c.add(m, []primitives.NodeID{node(1), node(2)}, l.get) })
	if !c.wants(node(1)) || !c.wants(node(2)) || c.wants(node(3)) || len(answer.Items) != 1 {
		t.Fatalf("%d of two nodes are reported", len(answer.Items))
	}
	a.do(func() { c.connected(&peer{id: node(2)}) })
	a.do(func() { c.connected(&peer{id: node(3)}) })
	if len(answer.Items) != 2 {
		t.Errorf("%d nodes are reported", len(answer.Items))
	}
	if answer.Cancel(); c.wants(node(2)) || len(c.open) != 0 {
		t.Error("it is open after it was cancelled")
	}
}
