package p2p

import (
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/quic-go/quic-go"

	"github.com/reevenet/reeve/internal/process/descriptors"
)

// buildStack puts libp2p's parts together by hand: what isn't named here isn't running.
func (n *Network) buildStack() error {
	key, err := crypto.UnmarshalEd25519PrivateKey(n.cfg.Key)
	if err != nil {
		return fmt.Errorf("network identity: %w", err)
	}
	if n.resources, err = newResources(n.cfg.MaxLinks, descriptors.Count().Peers); err != nil {
		return fmt.Errorf("p2p limits: %w", err)
	}
	if err := n.addTCP(key); err != nil {
		return fmt.Errorf("p2p over TCP: %w", err)
	}
	if err := n.addQUIC(key); err != nil {
		return fmt.Errorf("p2p over QUIC: %w", err)
	}
	return nil
}

func (n *Network) addTCP(key crypto.PrivKey) error {
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: muxer()}}
	tls, err := libp2ptls.New(libp2ptls.ID, key, muxers)
	if err != nil {
		return err
	}
	up, err := upgrader.New(
		[]sec.SecureTransport{quietly{tls}}, muxers, nil, n.resources, gate{},
		upgrader.WithAcceptTimeout(handshakeTimeout),
	)
	if err != nil {
		return err
	}
	t, err := tcp.NewTCPTransport(up, n.resources, nil, tcp.DisableReuseport(), tcp.WithConnectionTimeout(dialTimeout))
	if err != nil {
		return err
	}
	n.transports = append(n.transports, t)
	return nil
}

func (n *Network) addQUIC(key crypto.PrivKey) error {
	// Both keys only have to survive as long as the process: a peer that outlives it sees the link end, and calls
	// again.
	conns, err := quicreuse.NewConnManager(
		quic.StatelessResetKey(derive(n.cfg.Key, "stateless reset")),
		quic.TokenGeneratorKey(derive(n.cfg.Key, "token")),
	)
	if err != nil {
		return err
	}
	n.close = append(n.close, conns.Close)
	t, err := libp2pquic.NewTransport(key, conns, nil, gate{}, n.resources)
	if err != nil {
		return err
	}
	if c, ok := t.(io.Closer); ok {
		n.close = append(n.close, c.Close)
	}
	n.transports = append(n.transports, t)
	return nil
}

// muxer allows as many streams as a connection has lanes. A silent peer is found within some ten seconds.
func muxer() network.Multiplexer {
	c := *yamux.DefaultTransport.Config()
	c.AcceptBacklog = lanesPerConn + 1
	c.MaxIncomingStreams = uint32(lanesPerConn + 1)
	c.KeepAliveInterval = 5 * time.Second
	c.ConnectionWriteTimeout = 5 * time.Second
	c.MaxStreamWindowSize = 4 << 20
	return (*yamux.Transport)(&c)
}
