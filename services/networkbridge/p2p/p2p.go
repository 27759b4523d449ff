// Package p2p is the network bridge's transport over real sockets: go-libp2p's TCP with TLS 1.3 and yamux first, QUIC
// second. It is the only package of the node that imports libp2p, and it uses the transports alone: no relay, no
// address services, no discovery, no protocol negotiation per stream.
//
// A link to a peer is two connections, one for consensus and backing, one for gossip and bulk, so that a large answer
// and a vote never share a TCP stream. On each connection the caller opens one long-lived stream per lane, used in both
// directions. The peer's identity is the one proven in the TLS handshake; nothing that a peer says about itself is
// believed.
//
// Memory is bounded per peer: what waits to be sent by the lanes' limits, what has arrived and isn't consumed by a
// window, what has arrived of all peers together by another; what is announced and hasn't arrived takes nothing,
// because a frame's buffer grows with the bytes that are really there.
package p2p

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Config is what a Network needs.
type Config struct {
	// Key is the node's network identity.
	Key ed25519.PrivateKey
	// Listen are the multiaddrs to listen at: /ip4/…/tcp/9651, /ip4/…/udp/9651/quic-v1. Port 0 takes a free one. None:
	// the node calls others and can't be called.
	Listen []string
	// MaxLinks bounds the links that are up, whoever they are. Zero: 256. The bridge admits fewer.
	MaxLinks int
	// Log takes what an operator may want to know. Nil: nothing is logged.
	Log *slog.Logger
}

// dialTimeout is how long one attempt may take, over all of the node's addresses; handshakeTimeout is how long a caller
// has for TLS and for opening its lanes.
const (
	dialTimeout      = 8 * time.Second
	handshakeTimeout = 4 * time.Second
)

// Network is the transport. It must be closed.
type Network struct {
	cfg        Config
	self       primitives.NodeID
	instance   nonce
	log        *slog.Logger
	resources  network.ResourceManager
	transports []transport.Transport
	listeners  []transport.Listener
	listens    []ma.Multiaddr
	close      []func() error
	closeOnce  func() error

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	events func(nb.Event)

	links   table
	arrived *window
}

var _ nb.Transport = (*Network)(nil)

// New prepares a transport; it doesn't listen yet.
func New(cfg Config) (*Network, error) {
	if len(cfg.Key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf(
			"the network identity is an ed25519 private key of %d bytes, this one has %d", ed25519.PrivateKeySize,
			len(cfg.Key),
		)
	}
	if cfg.MaxLinks == 0 {
		cfg.MaxLinks = 256
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	n := &Network{cfg: cfg, self: nodeOfKey(cfg.Key), log: cfg.Log, arrived: newWindow(incomingAll)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.closeOnce = sync.OnceValue(n.shut)
	n.links.init(n.self, cfg.MaxLinks)
	rand.Read(n.instance[:])
	for _, a := range cfg.Listen {
		if _, err := ma.NewMultiaddr(a); err != nil {
			return nil, fmt.Errorf("listen address %q isn't a multiaddr such as /ip4/0.0.0.0/tcp/9651: %w", a, err)
		}
	}
	if err := n.buildStack(); err != nil {
		return nil, err
	}
	return n, nil
}

// Self is the identity of the key.
func (n *Network) Self() primitives.NodeID { return n.self }

// Start listens at every configured address. It fails if one can't be had.
func (n *Network) Start(events func(nb.Event)) error {
	n.events = events
	for _, a := range n.cfg.Listen {
		if err := n.listen(a); err != nil {
			return err
		}
	}
	n.wg.Go(n.watchSlow)
	return nil
}

// Send queues the frame on the peer's lane.
func (n *Network) Send(peer primitives.NodeID, lane nb.Lane, frame []byte) bool {
	if lane >= nb.Lanes || len(frame) == 0 || len(frame) > lane.MaxFrame() {
		return false
	}
	l := n.links.get(peer)
	return l != nil && l.send(lane, frame)
}

// Consumed makes room in the window of all peers and, if the link is still there, in the peer's own.
func (n *Network) Consumed(peer primitives.NodeID, lane nb.Lane, bytes int) {
	if lane != nb.LaneConsensus {
		n.arrived.put(bytes)
	}
	if l := n.links.get(peer); l != nil && lane < nb.Lanes {
		l.lanes[lane].window.put(bytes)
	}
}

// Disconnect ends the link, if there is one.
func (n *Network) Disconnect(peer primitives.NodeID) {
	if l := n.links.get(peer); l != nil {
		l.fail(errDisconnected)
	}
}

// Close ends everything and waits for it. Closing again does nothing.
func (n *Network) Close() error { return n.closeOnce() }

func (n *Network) shut() error {
	n.cancel()
	n.arrived.close()
	for _, l := range n.listeners {
		l.Close()
	}
	n.links.closeAll()
	n.wg.Wait()
	errs := []error{n.resources.Close()}
	for _, c := range n.close {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}
