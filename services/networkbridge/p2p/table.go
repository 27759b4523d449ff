package p2p

import (
	"sync"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/twins"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// table holds the one link per peer. Up and Down events are emitted under its lock, so they have one order.
type table struct {
	mu      sync.Mutex
	self    primitives.NodeID
	max     int
	links   map[primitives.NodeID]*link
	calling map[primitives.NodeID]bool
	closed  bool
}

func (t *table) init(self primitives.NodeID, max int) {
	t.self, t.max = self, max
	t.links, t.calling = map[primitives.NodeID]*link{}, map[primitives.NodeID]bool{}
}

func (t *table) get(peer primitives.NodeID) *link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.links[peer]
}

func (t *table) all() []*link {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]*link, 0, len(t.links))
	for _, l := range t.links {
		out = append(out, l)
	}
	return out
}

// beginCall tells whether a call makes sense: there is no link, and no call under way.
func (t *table) beginCall(peer primitives.NodeID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.calling[peer] || t.links[peer] != nil || peer == t.self {
		return false
	}
	t.calling[peer] = true
	return true
}

func (t *table) endCall(peer primitives.NodeID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.calling, peer)
}

// adopt makes l the link to its peer, and says why not. A link that it replaces goes down first.
func (t *table) adopt(l *link, events func(nb.Event)) verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.links[l.peer]
	switch {
	case t.closed, old == nil && len(t.links) >= t.max:
		return full
	case old == nil && l.inbound && t.calling[l.peer] && t.self.Compare(l.peer) < 0:
		return duplicate // the call that we are making is the one to keep
	case old != nil && !replaces(l, old):
		return duplicate
	case old != nil:
		t.down(old, errReplaced, events)
	}
	t.links[l.peer] = l
	events(nb.Event{
		Kind: nb.Up, Peer: l.peer, Inbound: l.inbound, Address: l.address, Run: twins.Run(l.instance),
	})
	return accepted
}

// replaces says which of two links between the same nodes is kept; both ends come to the same answer. A new run of the
// peer ends what belonged to the old one. The same caller calls again only because it lost the link. Of two calls that
// crossed, the one from the smaller id stays.
func replaces(new, old *link) bool {
	if new.instance != old.instance || new.caller() == old.caller() {
		return true
	}
	return new.caller().Compare(old.caller()) < 0
}

func (t *table) remove(l *link, err error, events func(nb.Event)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.links[l.peer] == l {
		t.down(l, err, events)
	}
}

func (t *table) down(l *link, err error, events func(nb.Event)) {
	delete(t.links, l.peer)
	if l.markDown() && events != nil {
		events(nb.Event{Kind: nb.Down, Peer: l.peer, Err: err, Inbound: l.inbound, Address: l.address})
	}
}

// closeAll ends every link without events, and adopts none any more.
func (t *table) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, l := range t.links {
		t.down(l, errClosed, nil)
	}
}
