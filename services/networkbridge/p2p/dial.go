package p2p

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"

	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Connect calls the node at its addresses, one after another, until one answers.
func (n *Network) Connect(a nb.Address) {
	if !n.links.beginCall(a.Node) {
		return
	}
	n.wg.Go(func() {
		l, err := n.call(a)
		if err == nil {
			err = n.links.adopt(l, n.events).err()
		}
		n.links.endCall(a.Node)
		switch {
		case err == nil:
			l.run()
		case l != nil:
			l.release()
			fallthrough
		default:
			n.unreachable(a, err)
		}
	})
}

func (n *Network) unreachable(a nb.Address, err error) {
	if n.ctx.Err() == nil {
		n.events(nb.Event{Kind: nb.Unreachable, Peer: a.Node, Err: err})
	}
}

func (n *Network) call(a nb.Address) (*link, error) {
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	id, err := PeerID(a.Node)
	if err != nil {
		return nil, err
	}
	errs := []error{}
	for _, text := range a.At {
		addrs, err := resolve(ctx, text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, addr := range addrs {
			l, err := n.callAt(ctx, a, id, addr)
			if err == nil {
				return l, nil
			}
			errs = append(errs, fmt.Errorf("%s: %w", addr, err))
		}
	}
	if len(errs) == 0 {
		return nil, errors.New("no address is known")
	}
	return nil, errors.Join(errs...)
}

// callAt makes both connections to one address, opens the lanes and waits for the callee's verdict.
func (n *Network) callAt(ctx context.Context, a nb.Address, id peer.ID, addr ma.Multiaddr) (_ *link, err error) {
	l := &link{net: n, peer: a.Node, address: addr.String(), ended: make(chan struct{})}
	defer func() {
		if err != nil {
			l.release()
		}
	}()
	pre := preamble{Magic: preambleMagic, Instance: n.instance}
	rand.Read(pre.Link[:])
	for i := range l.conns {
		if l.conns[i], err = n.dial(ctx, addr, id); err != nil {
			return nil, err
		}
	}
	for pre.Lane = range nb.Lanes {
		if err := l.open(ctx, pre); err != nil {
			return nil, err
		}
	}
	stop := context.AfterFunc(ctx, func() {
		for _, c := range l.conns {
			c.Close()
		}
	})
	defer stop()
	return l, l.awaitVerdict()
}

func (n *Network) dial(ctx context.Context, addr ma.Multiaddr, id peer.ID) (transport.CapableConn, error) {
	for _, t := range n.transports {
		if t.CanDial(addr) {
			return t.Dial(ctx, addr, id)
		}
	}
	return nil, errors.New("neither a TCP nor a QUIC address")
}

func (l *link) open(ctx context.Context, pre preamble) error {
	s, err := l.conns[connOf(pre.Lane)].OpenStream(ctx)
	if err != nil {
		return err
	}
	l.lanes[pre.Lane] = l.net.newLane(pre.Lane, s)
	s.SetDeadline(time.Now().Add(handshakeTimeout))
	return write(s, pre)
}

func (l *link) awaitVerdict() error {
	for _, lane := range l.lanes {
		r, err := readReply(lane.reader)
		if err != nil {
			return err
		}
		l.instance = r.Instance
		lane.stream.SetDeadline(time.Time{})
	}
	return nil
}

// sendVerdict is the callee's side of awaitVerdict.
func (l *link) sendVerdict(r reply) error {
	for _, lane := range l.lanes {
		lane.stream.SetDeadline(time.Now().Add(handshakeTimeout))
		if err := write(lane.stream, r); err != nil {
			return err
		}
		lane.stream.SetDeadline(time.Time{})
	}
	return nil
}
