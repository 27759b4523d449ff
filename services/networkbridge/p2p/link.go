package p2p

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/transport"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

var (
	errDisconnected = errors.New("this node ended the link")
	errReplaced     = errors.New("the peer called anew")
	errTooSlow      = errors.New("the peer takes consensus messages too slowly")
	errExtraStream  = errors.New("the peer opened a stream that isn't a lane")
	errClosed       = errors.New("this node is shutting down")
)

// link is the connections and lanes to one peer. It is built by a caller or a callee, adopted by the table, then runs
// until something of it fails; all of it ends together.
type link struct {
	net      *Network
	peer     primitives.NodeID
	inbound  bool
	address  string
	instance nonce // the peer's run
	conns    [connsPerLink]transport.CapableConn
	lanes    [nb.Lanes]*lane

	mu    sync.Mutex
	down  bool
	ended chan struct{}
}

// caller is the node that made the call.
func (l *link) caller() primitives.NodeID {
	if l.inbound {
		return l.peer
	}
	return l.net.self
}

func (l *link) send(id nb.Lane, frame []byte) bool {
	if l.lanes[id].queue.push(frame) {
		return true
	}
	if id == nb.LaneConsensus {
		l.fail(errTooSlow)
	}
	return false
}

// run starts the lanes. The link is adopted before.
func (l *link) run() {
	for _, lane := range l.lanes {
		l.net.wg.Go(func() { l.failLane(lane.id, lane.read(l.deliver)) })
		l.net.wg.Go(func() { l.failLane(lane.id, lane.write()) })
	}
	for _, c := range l.conns {
		l.net.wg.Go(func() { l.fail(watch(c)) })
	}
	l.net.wg.Go(func() {
		<-l.ended
		l.release()
	})
}

// watch returns when the connection ends, or the peer opens one stream more than there are lanes.
func watch(c transport.CapableConn) error {
	s, err := c.AcceptStream()
	if err != nil {
		return fmt.Errorf("the connection ended: %w", err)
	}
	s.Reset()
	return errExtraStream
}

// deliver tells whether the frame went out: it doesn't once the link is down.
func (l *link) deliver(id nb.Lane, frame []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return false
	}
	l.net.events(nb.Event{Kind: nb.Frame, Peer: l.peer, Lane: id, Bytes: frame})
	return true
}

func (l *link) failLane(id nb.Lane, err error) {
	if err != nil {
		err = fmt.Errorf("%s lane: %w", id, err)
	}
	l.fail(err)
}

// fail ends the link; the first reason counts.
func (l *link) fail(err error) { l.net.links.remove(l, err, l.net.events) }

// markDown tells whether the link was up. No frame is delivered afterwards.
func (l *link) markDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return false
	}
	l.down = true
	close(l.ended)
	return true
}

// release closes sockets; it may take a moment.
func (l *link) release() {
	for _, lane := range l.lanes {
		if lane != nil {
			lane.close()
		}
	}
	for _, c := range l.conns {
		if c != nil {
			c.Close()
		}
	}
}

// watchSlow ends links to peers that don't take what they are sent.
func (n *Network) watchSlow() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-n.ctx.Done():
			return
		case now := <-tick.C:
			for _, l := range n.links.all() {
				for _, lane := range l.lanes {
					if lane.queue.stuck(now) > lane.patience() {
						l.failLane(lane.id, errTooSlow)
					}
				}
			}
		}
	}
}
