package p2p

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
)

// Limits of strangers. The defaults of the library follow the size of the machine, which a node of twenty processes
// shares, so ours are explicit.
const (
	// handshaking is how many connections may be between TCP accept and the end of their handshake.
	handshaking = 512
	// connsPerIP is how many connections one IPv4 address, or one IPv6 /56, may have.
	connsPerIP = 32
	// perPeerMemory bounds what the stream windows of one peer may hold.
	perPeerMemory = 64 << 20
)

// newResources bounds what peers take; files is how many descriptors there are for them.
func newResources(maxLinks, files int) (network.ResourceManager, error) {
	conns, most := rcmgr.LimitVal(connsPerLink*maxLinks+handshaking), rcmgr.LimitVal(files)
	limits := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: 2 * conns, ConnsInbound: conns, ConnsOutbound: conns, FD: min(2*conns, most), Memory: 1 << 30,
		},
		Transient: rcmgr.ResourceLimits{
			Conns: 2 * handshaking, ConnsInbound: handshaking, ConnsOutbound: handshaking,
			FD: min(2*handshaking, most/2), Memory: 64 << 20,
		},
		// Two links, the old one and the one that replaces it, called from both sides.
		PeerDefault: rcmgr.ResourceLimits{
			Conns: 4 * connsPerLink, ConnsInbound: 2 * connsPerLink, ConnsOutbound: 2 * connsPerLink,
			FD:     4 * connsPerLink,
			Memory: perPeerMemory,
		},
	}
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits.Build(rcmgr.InfiniteLimits)),
		rcmgr.WithMetricsDisabled(), rcmgr.WithConnRateLimiters(acceptRate()),
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: connsPerIP}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: connsPerIP}}))
}

// acceptRate is at most 256 new connections a second, and 4 a second from one address after a burst of 40. A machine
// may call itself as often as it likes.
func acceptRate() *rate.Limiter {
	perIP := rate.Limit{RPS: 4, Burst: 40}
	return &rate.Limiter{
		NetworkPrefixLimits: []rate.PrefixLimit{
			{Prefix: netip.MustParsePrefix("127.0.0.0/8")}, {Prefix: netip.MustParsePrefix("::1/128")},
		},
		GlobalLimit: rate.Limit{RPS: 256, Burst: 512},
		SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: perIP}},
			IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: perIP}},
			GracePeriod:      time.Minute,
		},
	}
}

// gate refuses, at the end of a handshake, a peer whose key isn't a node's.
type gate struct{}

func (gate) InterceptPeerDial(peer.ID) bool               { return true }
func (gate) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }
func (gate) InterceptAccept(network.ConnMultiaddrs) bool  { return true }
func (gate) InterceptSecured(_ network.Direction, id peer.ID, _ network.ConnMultiaddrs) bool {
	_, err := NodeID(id)
	return err == nil
}
func (gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// derive makes a key for one purpose from the identity.
func derive(key ed25519.PrivateKey, purpose string) [32]byte {
	b, err := hkdf.Key(sha256.New, key.Seed(), nil, "reeve p2p "+purpose, 32)
	if err != nil {
		panic(err) // only for lengths that SHA-256 can't give
	}
	return [32]byte(b)
}
