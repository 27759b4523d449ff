package addrbook

import (
	"net/netip"
	"slices"
	"strings"
)

// Scope is from where an address can be reached; the wider, the greater.
type Scope uint8

// The scopes.
const (
	// Nowhere: no peer's word is worth a call there. Link-local and special addresses, and names, which may stand for
	// any address.
	Nowhere Scope = iota
	// Elsewhere: it isn't an IP address, and means something only to those that have such addresses themselves.
	Elsewhere
	Loopback
	Private
	Public
)

// special are addresses that look public and lead to no machine of their own: for documentation and tests, and those
// that have an IPv4 address of any kind in them.
var special = prefixes(
	"0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
)

// shared is the address space of providers that translate addresses, a private one to all others.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, t := range texts {
		list = append(list, netip.MustParsePrefix(t))
	}
	return list
}

// ScopeOf is the scope of a multiaddr.
func ScopeOf(at string) Scope {
	kind, host := first(at)
	switch kind {
	case "ip4", "ip6":
		ip, err := netip.ParseAddr(host)
		if err != nil || ip.Zone() != "" {
			return Nowhere
		}
		return scopeOf(ip.Unmap())
	case "", "ip6zone", "dns", "dns4", "dns6", "dnsaddr":
		return Nowhere
	}
	return Elsewhere
}

func scopeOf(ip netip.Addr) Scope {
	switch {
	case ip.IsLoopback():
		return Loopback
	case ip.IsPrivate(), shared.Contains(ip):
		return Private
	case !ip.IsGlobalUnicast(), slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(ip) }):
		return Nowhere
	}
	return Public
}

// first is the first part of a multiaddr: /ip4/10.0.0.1/tcp/9651 has "ip4" and "10.0.0.1".
func first(at string) (kind, host string) {
	parts := strings.SplitN(at, "/", 4)
	if len(parts) < 3 || parts[0] != "" {
		return "", ""
	}
	return parts[1], parts[2]
}

// SameHost tells whether two addresses are of one machine.
func SameHost(a, b string) bool {
	_, x := first(a)
	_, y := first(b)
	return x != "" && x == y
}

// NetworkOf is the part of the internet that an address belongs to and that is easily one owner's: a /24, or a /64.
// Empty: addresses of its kind aren't told apart.
func NetworkOf(at string) string {
	_, host := first(at)
	ip, err := netip.ParseAddr(host)
	if err != nil || ScopeOf(at) < Private {
		return ""
	}
	bits := 64
	if ip = ip.Unmap(); ip.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}

// Reach is which addresses this node has a use for, and may tell of: those of the networks that it is in itself.
type Reach struct{ in [Public + 1]bool }

// NewReach is the reach of a node with these addresses. private: its network has private addresses.
func NewReach(own []string, private bool) Reach {
	r := Reach{}
	inside := len(own) > 0 // it is to be reached from this machine alone
	for _, at := range own {
		s := ScopeOf(at)
		r.in[s] = s == Loopback || s == Elsewhere
		inside = inside && r.in[s]
	}
	r.in[Private], r.in[Public] = private, !inside
	return r
}

// Of lists those addresses of a list that may be learnt from a peer at an address, or told to it: none that it can't
// reach itself.
func (r Reach) Of(list []string, peer string) []string { return r.From(list, ScopeOf(peer)) }

// From is the same, by the scope of the peer.
func (r Reach) From(list []string, from Scope) (out []string) {
	if from == Nowhere {
		from = Public
	}
	for _, at := range list {
		if s := ScopeOf(at); r.in[s] && s >= from {
			out = append(out, at)
		}
	}
	return out
}
