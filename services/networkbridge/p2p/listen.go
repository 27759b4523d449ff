package p2p

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/errcode"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

func (n *Network) listen(text string) error {
	addr, err := ma.NewMultiaddr(text)
	if err != nil {
		return err
	}
	for _, t := range n.transports {
		if !t.CanDial(addr) {
			continue
		}
		l, err := t.Listen(addr)
		if err != nil {
			return errcode.CannotListen(text, err)
		}
		n.listeners = append(n.listeners, l)
		n.listens = append(n.listens, l.Multiaddr())
		n.wg.Go(func() { n.accept(l) })
		return nil
	}
	return fmt.Errorf("can't listen at %s: only /tcp/PORT and /udp/PORT/quic-v1 are known", text)
}

// How a listener that fails is tried again: after a pause that doubles, so many times in a row. A process that has no
// descriptor left has some again in a moment.
const (
	acceptAgain = 5 * time.Millisecond
	acceptTries = 9
)

// accept takes calls until the network is closed. A listener that ends by itself is told of: a node that can't be
// called mustn't go on as if it could.
func (n *Network) accept(l transport.Listener) {
	var halves assembly
	for failures := 0; ; {
		c, err := l.Accept()
		switch {
		case err != nil && n.ctx.Err() != nil:
			return
		case errors.Is(err, transport.ErrListenerClosed), err != nil && failures == acceptTries:
			n.events(nb.Event{Kind: nb.Ended, Err: fmt.Errorf("listening at %s has ended: %w", l.Multiaddr(), err)})
			return
		case err != nil:
			n.log.Warn("a call could not be taken", "at", l.Multiaddr().String(), "err", err)
			n.sleep(acceptAgain << failures)
			failures++
			continue
		}
		failures = 0
		n.wg.Go(func() {
			if err := n.answer(&halves, c); err != nil {
				n.log.Debug("a call came to nothing", "from", c.RemoteMultiaddr().String(), "err", err)
				c.Close()
			}
		})
	}
}

// sleep waits, or until the network is closed.
func (n *Network) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-n.ctx.Done():
	}
}

// answer reads the lanes of one connection and, when it is the second of its link, adopts the link.
func (n *Network) answer(halves *assembly, c transport.CapableConn) error {
	guard := time.AfterFunc(handshakeTimeout, func() { c.Close() })
	stop := context.AfterFunc(n.ctx, func() { c.Close() })
	h, err := readHalf(c)
	if err != nil {
		guard.Stop()
		stop()
		return err
	}
	other := halves.join(h, func() { guard.Stop(); stop() })
	if other == nil {
		return nil // the guard closes it if its other half doesn't come
	}
	return n.answerLink(h, other)
}

func (n *Network) answerLink(a, b *half) error {
	l := &link{
		net: n, peer: a.peer, inbound: true, instance: a.instance, address: a.conn.RemoteMultiaddr().String(),
		ended: make(chan struct{}),
	}
	for _, h := range []*half{a, b} {
		l.conns[h.conns] = h.conn
		for i, s := range h.streams {
			id := nb.Lane(h.conns*lanesPerConn + i)
			l.lanes[id] = n.newLane(id, s)
		}
	}
	v := n.links.adopt(l, n.events)
	err := l.sendVerdict(reply{Verdict: v, Instance: n.instance})
	if v == accepted {
		l.run()
		if err != nil {
			l.fail(err)
		}
		return nil
	}
	// The verdict is read before the connection goes: the caller closes it, or the time is up.
	time.AfterFunc(time.Second, l.release)
	return nil
}

// half is one of a link's connections, with its lanes open.
type half struct {
	peer     primitives.NodeID
	link     nonce
	instance nonce
	conns    int // which of the link's connections it is
	conn     transport.CapableConn
	streams  [lanesPerConn]network.MuxedStream
	settled  func()
}

func readHalf(c transport.CapableConn) (*half, error) {
	id, err := NodeID(c.RemotePeer())
	if err != nil {
		return nil, err
	}
	h := &half{peer: id, conn: c}
	for i := range h.streams {
		s, err := c.AcceptStream()
		if err != nil {
			return nil, err
		}
		p, err := readPreamble(s)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			h.link, h.instance, h.conns = p.Link, p.Instance, connOf(p.Lane)
		}
		at := int(p.Lane) % lanesPerConn
		if p.Link != h.link || p.Instance != h.instance || connOf(p.Lane) != h.conns || h.streams[at] != nil {
			return nil, errors.New("the peer's lanes don't belong to one link")
		}
		h.streams[at] = s
	}
	return h, nil
}

// assembly keeps first halves until the second one comes, one per peer.
type assembly struct {
	mu      sync.Mutex
	waiting map[primitives.NodeID]*half
}

// completes tells whether two halves are of one link of one process, and this one still stands.
func (h *half) completes(other *half) bool {
	same := h.link == other.link && h.instance == other.instance
	return same && h.conns != other.conns && !h.conn.IsClosed()
}

// join returns the half that h completes, or keeps h. The settled function stops what would close h's connection in
// time.
func (a *assembly) join(h *half, settled func()) *half {
	a.mu.Lock()
	defer a.mu.Unlock()
	h.settled = settled
	other := a.waiting[h.peer]
	if other != nil && other.completes(h) {
		delete(a.waiting, h.peer)
		other.settled()
		h.settled()
		return other
	}
	if a.waiting == nil {
		a.waiting = map[primitives.NodeID]*half{}
	}
	a.sweep()
	if other != nil {
		other.conn.Close()
	}
	a.waiting[h.peer] = h
	return nil
}

// sweep forgets halves whose connection has closed, so that what is kept is bounded by the connections that are open.
func (a *assembly) sweep() {
	for id, h := range a.waiting {
		if h.conn.IsClosed() {
			h.settled()
			delete(a.waiting, id)
		}
	}
}
