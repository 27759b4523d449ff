package p2p

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Addresses are the ones listened at, with every interface's address in place of 0.0.0.0 but those that lead nowhere
// from outside.
func (n *Network) Addresses() []string {
	var out []string
	for _, l := range n.listens {
		if !manet.IsIPUnspecified(l) {
			out = append(out, l.String())
			continue
		}
		interfaces, err := manet.InterfaceMultiaddrs()
		if err != nil {
			continue
		}
		for _, i := range interfaces {
			if sameFamily(i, l) && !manet.IsIPLoopback(i) && !manet.IsIP6LinkLocal(i) {
				_, rest := ma.SplitFirst(l)
				out = append(out, i.Encapsulate(rest).String())
			}
		}
	}
	return out
}

func sameFamily(a, b ma.Multiaddr) bool {
	return len(a) > 0 && len(b) > 0 && a[0].Protocol().Code == b[0].Protocol().Code
}

// resolve parses a multiaddr and looks a name in it up: /dns4/validator-1/tcp/9651. The result has IP addresses only.
func resolve(ctx context.Context, text string) ([]ma.Multiaddr, error) {
	addr, err := ma.NewMultiaddr(text)
	if err != nil {
		return nil, fmt.Errorf("address %q isn't a multiaddr: %w", text, err)
	}
	first, rest := ma.SplitFirst(addr)
	if first == nil {
		return nil, fmt.Errorf("address %q is empty", text)
	}
	network := map[int]string{ma.P_DNS: "ip", ma.P_DNS4: "ip4", ma.P_DNS6: "ip6"}[first.Protocol().Code]
	if network == "" {
		return []ma.Multiaddr{addr}, nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, network, first.Value())
	if err != nil {
		return nil, err
	}
	out := make([]ma.Multiaddr, 0, len(ips))
	for _, ip := range ips {
		out = append(out, ipMultiaddr(ip.Unmap()).Encapsulate(rest))
	}
	return out, nil
}

func ipMultiaddr(ip netip.Addr) ma.Multiaddr {
	family := "/ip6/"
	if ip.Is4() {
		family = "/ip4/"
	}
	return ma.StringCast(family + ip.String())
}
