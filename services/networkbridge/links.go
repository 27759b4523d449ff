package networkbridge

import (
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// links are the nodes with a link that this node has a slot for, and why others have none. The order is always that of
// their ids, so that what goes to all goes in the same order everywhere.
type links struct {
	net     Transport
	dropped *nbv1.Dropped
	peers   map[primitives.NodeID]*peer
	order   []primitives.NodeID
	faults  map[primitives.NodeID]string
}

// maxFaults bounds the nodes of which it is remembered why they aren't connected.
const maxFaults = 4096

// peer is a node with a link. Subsystems hear of it from its first hello on.
type peer struct {
	id      primitives.NodeID
	inbound bool
	address string
	role    nbv1.Role
	// hello is the peer's greeting; nil until it came. greeted marks the lanes on which it was said.
	hello   []byte
	agent   string
	greeted [Lanes]bool
	// mute ends the link if no hello comes; heard is when the peer last said what could be read.
	mute  func()
	heard time.Time
	// families are those that it takes part in, as far as we do too.
	families []nbv1.Family
	views    map[nbv1.Family]view.View

	bytes, frames  [Lanes]*rate.Limiter
	served         *rate.Limiter // bytes of answers
	received, sent uint64
	overBudget     uint64
	malformed      uint64
	lastExchange   time.Time
	leaving        bool // turned away: nothing that still arrives is read
}

func (p *peer) in(f nbv1.Family) bool { return p.hello != nil && slices.Contains(p.families, f) }

// get is the peer with this id; nil: it has no link.
func (l *links) get(id primitives.NodeID) *peer { return l.peers[id] }

// heard is when a peer was last heard, and whether it has said hello.
func (l *links) heard(id primitives.NodeID) (last time.Time, greeted bool) {
	if p := l.peers[id]; p != nil {
		return p.heard, p.hello != nil
	}
	return time.Time{}, false
}

// all are the peers in the order of their ids.
func (l *links) all(each func(*peer)) {
	for _, id := range l.order {
		each(l.peers[id])
	}
}

func (l *links) add(p *peer) {
	l.peers[p.id] = p
	at, _ := slices.BinarySearchFunc(l.order, p.id, primitives.NodeID.Compare)
	l.order = slices.Insert(l.order, at, p.id)
}

// remove takes a peer out and returns it; nil: it had no link.
func (l *links) remove(id primitives.NodeID) *peer {
	p := l.peers[id]
	if p != nil {
		delete(l.peers, id)
		l.order = slices.DeleteFunc(l.order, func(other primitives.NodeID) bool { return other == id })
	}
	return p
}

// send queues a frame. False: it was shed.
func (l *links) send(p *peer, lane Lane, frame []byte) bool {
	if !l.net.Send(p.id, lane, frame) {
		l.dropped.Shed++
		return false
	}
	p.sent += uint64(len(frame))
	return true
}

// turnAway ends a link. What still arrives on it isn't read.
func (l *links) turnAway(id primitives.NodeID, why string) {
	l.fault(id, why)
	if p := l.peers[id]; p != nil {
		p.leaving = true
	}
	l.net.Disconnect(id)
}

// fault remembers why a node isn't connected.
func (l *links) fault(id primitives.NodeID, why string) {
	if len(l.faults) < maxFaults || l.faults[id] != "" {
		l.faults[id] = why
	}
}
