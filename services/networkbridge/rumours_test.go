package networkbridge

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// names is an exchange that names a node for each address.
func names(first int, at ...string) *nbv1.PeerExchange {
	e := &nbv1.PeerExchange{}
	for i := range len(at) {
		id := node(first + i)
		e.Peers = append(e.Peers, &nbv1.PeerAddress{Peer: id[:], Addresses: at[i : i+1]})
	}
	return e
}

// The machines of others' private networks, of this one, and those that a hoster watches, are called on nobody's word.
func TestOfAPublicPeerOnlyPublicAddressesAreLearntAndOnlySuchAreTold(t *testing.T) {
	a, x := testExchange(t, 1)
	e := names(20, "/ip4/127.0.66.1/tcp/22", "/ip4/10.0.0.9/tcp/9651", "/ip4/100.64.0.9/tcp/9651",
		"/ip4/169.254.169.254/tcp/80", "/dns4/inside.example/tcp/9651", "/ip6/fe80::1/tcp/9651", testAddress(9))
	a.do(func() { x.learn(x.links.get(node(1)), e) })
	for i := range 7 {
		if got, want := x.rumours.book.Knows(node(20+i)), i == 6; got != want {
			t.Errorf("%s: learnt %v", e.Peers[i].GetAddresses()[0], got)
		}
	}
}

func TestAPeerThatNamesManyHasFewOfThemCalled(t *testing.T) {
	a := testAlone(t)
	d := a.dialer(Config{})
	x := &exchange{sub: a.sub, links: a.links(1), standing: d.standing, conduct: d.conduct, rumours: d.rumours()}
	for round := range 5 {
		e := &nbv1.PeerExchange{}
		for i := range maxExchanged {
			id := primitives.NodeID{9, byte(round), byte(i)}
			at := []string{fmt.Sprintf("/ip4/9.%d.%d.1/tcp/1", round, i), fmt.Sprintf("/ip4/9.%d.%d.2/tcp/1", round, i)}
			e.Peers = append(e.Peers, &nbv1.PeerAddress{Peer: id[:], Addresses: at})
		}
		a.do(func() {
			x.learn(x.links.get(node(1)), e)
			d.call()
		})
		for range 60 {
			a.do(func() {
				for id := range d.calls { // nobody is there
					d.failed(id)
					d.lost(id)
				}
				d.call()
			})
			a.Advance(time.Second)
		}
	}
	if n := len(a.net.called); n == 0 || n > 8+5*60/10 {
		t.Errorf("%d calls in five minutes", n)
	}
}

func TestANodeIsPassedOnOnlyAfterItHasAnswered(t *testing.T) {
	a := testAlone(t)
	d := a.dialer(Config{})
	x := &exchange{sub: a.sub, links: a.links(1, 2), standing: d.standing, conduct: d.conduct, rumours: d.rumours()}
	caller, to := x.links.get(node(2)), x.links.get(node(1))
	caller.inbound, caller.address = true, "/ip4/8.0.2.7/tcp/40000"
	told := func() (at []string) {
		x.introduce(to)
		for _, f := range a.net.frames() {
			for _, p := range f.GetPeerExchange().GetPeers() {
				at = append(at, p.GetAddresses()...)
			}
		}
		return at
	}
	a.do(func() {
		x.rumours.introduced(caller, []string{"/ip4/7.7.7.7/tcp/80", testAddress(2), "/ip4/8.0.2.7/udp/1"})
	})
	if at := told(); len(at) != 0 {
		t.Errorf("on its own word it is said to be at %v", at)
	}
	if want := []string{testAddress(2), "/ip4/8.0.2.7/udp/1"}; !slices.Equal(a.net.probed, want) {
		t.Errorf("%v is tried", a.net.probed)
	}
	a.do(func() { x.rumours.book.Answered(node(2), testAddress(2)) })
	if at := told(); !slices.Equal(at, []string{testAddress(2)}) {
		t.Errorf("after it has answered it is said to be at %v", at)
	}
}
