package addrbook

import (
	"slices"
	"testing"
)

func TestEveryAddressHasTheScopeFromWhichItIsReached(t *testing.T) {
	for at, want := range map[string]Scope{
		"/ip4/8.8.8.8/tcp/9651": Public, "/ip6/2a00:1450::1/udp/9651/quic-v1": Public,
		"/ip4/10.1.2.3/tcp/1": Private, "/ip4/172.17.0.1/tcp/1": Private, "/ip4/192.168.0.1/tcp/1": Private,
		"/ip4/100.64.3.4/tcp/1": Private, "/ip6/fd00::1/tcp/1": Private, "/ip6/::ffff:10.0.0.1/tcp/1": Private,
		"/ip4/127.0.66.3/tcp/1": Loopback, "/ip6/::1/tcp/1": Loopback,
		"/memory/3": Elsewhere, "/unix/tmp": Elsewhere,
		"/ip4/169.254.169.254/tcp/80": Nowhere, "/ip6/fe80::1/tcp/1": Nowhere, "/ip6zone/eth0/ip6/fe80::1/tcp/1": Nowhere,
		"/ip4/0.0.0.0/tcp/1": Nowhere, "/ip4/0.1.2.3/tcp/1": Nowhere, "/ip4/224.0.0.1/tcp/1": Nowhere,
		"/ip4/255.255.255.255/tcp/1": Nowhere, "/ip4/203.0.113.7/tcp/1": Nowhere, "/ip6/64:ff9b::a00:1/tcp/1": Nowhere,
		"/ip6/2002:a00:1::1/tcp/1": Nowhere, "/ip6/::/tcp/1": Nowhere, "/ip6/::a00:1/tcp/1": Nowhere,
		"/ip4/256.1.1.1/tcp/1": Nowhere, "/dns4/validator-1/tcp/1": Nowhere, "": Nowhere, "8.8.8.8:1": Nowhere,
	} {
		if got := ScopeOf(at); got != want {
			t.Errorf("%q has scope %d, want %d", at, got, want)
		}
	}
}

func TestANetworkIsWhatOneOwnerEasilyHas(t *testing.T) {
	for at, want := range map[string]string{
		"/ip4/8.8.8.8/tcp/1": "8.8.8.0/24", "/ip4/10.1.2.3/tcp/1": "10.1.2.0/24",
		"/ip6/2a00:1450:1:2:3::1/tcp/1": "2a00:1450:1:2::/64", "/ip6/::ffff:8.8.8.8/tcp/1": "8.8.8.0/24",
		"/ip4/127.0.0.1/tcp/1": "", "/memory/1": "", "": "",
	} {
		if got := NetworkOf(at); got != want {
			t.Errorf("%q is in %q, want %q", at, got, want)
		}
	}
}

// Who is where says which addresses two nodes have a use for.
func TestAnAddressGoesToThoseWhoCanReachIt(t *testing.T) {
	public, private, loopback := "/ip4/8.8.8.8/tcp/1", "/ip4/10.0.0.2/tcp/1", "/ip4/127.0.0.1/tcp/1"
	memory := "/memory/1"
	all := []string{public, private, loopback, memory, "/dns4/name/tcp/1", "/ip4/169.254.1.1/tcp/1"}
	for _, c := range []struct {
		what    string
		own     []string
		private bool
		peer    string
		want    []string
	}{
		{"two nodes of the internet", []string{public}, false, "/ip4/9.9.9.9/tcp/1", []string{public}},
		{"one that can't be called", nil, false, "/ip4/9.9.9.9/tcp/1", []string{public}},
		{"a private peer, without the setting", []string{public}, false, "/ip4/10.0.0.9/tcp/1", []string{public}},
		{"a private peer", []string{public, private}, true, "/ip4/10.0.0.9/tcp/1", []string{public, private}},
		{"a public peer of a private network", []string{private}, true, "/ip4/9.9.9.9/tcp/1", []string{public}},
		{"nodes of one machine", []string{loopback}, false, "/ip4/127.0.0.3/tcp/1", []string{loopback}},
		{"a process beside a public node", []string{public}, false, "/ip4/127.0.0.3/tcp/1", []string{public}},
		{"nodes in memory", []string{memory}, false, "/memory/2", []string{memory}},
		{"a peer whose address says nothing", []string{public}, true, "/ip6/fe80::1/tcp/1", []string{public}},
	} {
		if got := NewReach(c.own, c.private).Of(all, c.peer); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func TestOneMachineHasManyPorts(t *testing.T) {
	at := "/ip4/8.8.8.8/tcp/1"
	if !SameHost(at, "/ip4/8.8.8.8/udp/2/quic-v1") || SameHost(at, "/ip4/8.8.8.9/tcp/1") || SameHost("", "") {
		t.Error("machines are confused")
	}
}
