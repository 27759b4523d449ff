package vmhost

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// maxOpen bounds the app requests that are open at one time, in each direction.
const maxOpen = 65_536

// request names an app request between this node and a peer.
type request struct {
	node primitives.NodeID
	id   uint32
}

// outcomes is the table behind the promise that every app request a VM has sent ends exactly once: entries are made before the
// VM hears that sending went well, and whoever takes an entry out delivers the outcome. One table per generation: a VM that is
// started anew has nothing outstanding. It is locked because VMs call from goroutines of their own.
type outcomes struct {
	mu     sync.Mutex
	closed bool
	// open has the wire number by the VM's; sent the VM's number by the wire's.
	open map[request]uint32
	sent map[request]uint32
	// owed are peers' requests that the VM hasn't answered.
	owed map[request]struct{}
}

func newOutcomes() *outcomes {
	return &outcomes{open: map[request]uint32{}, sent: map[request]uint32{}, owed: map[request]struct{}{}}
}

// register makes an entry per node, or none and an error. wire is a number that this host hasn't used lately.
func (o *outcomes) register(nodes []primitives.NodeID, id, wire uint32) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return fmt.Errorf("the chain is stopping")
	}
	if len(o.open)+len(nodes) > maxOpen {
		return fmt.Errorf("%d requests are open already", len(o.open))
	}
	for _, node := range nodes {
		if _, taken := o.open[request{node, id}]; taken {
			return fmt.Errorf("request %d to %v is still open", id, node.Short())
		}
	}
	for _, node := range nodes {
		o.open[request{node, id}] = wire
		o.sent[request{node, wire}] = id
	}
	return nil
}

// take ends the entry of a wire number and returns the VM's. ok is false when it has ended before.
func (o *outcomes) take(node primitives.NodeID, wire uint32) (id uint32, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id, ok = o.sent[request{node, wire}]
	if ok {
		delete(o.sent, request{node, wire})
		delete(o.open, request{node, id})
	}
	return id, ok
}

// owe remembers a peer's request. false: too many are open, or this one is already.
func (o *outcomes) owe(node primitives.NodeID, id uint32) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, known := o.owed[request{node, id}]
	if known || o.closed || len(o.owed) >= maxOpen {
		return false
	}
	o.owed[request{node, id}] = struct{}{}
	return true
}

// settle ends a peer's request. false: it isn't open.
func (o *outcomes) settle(node primitives.NodeID, id uint32) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, open := o.owed[request{node, id}]
	delete(o.owed, request{node, id})
	return open
}

// close ends everything and returns what is owed to peers, in a fixed order.
func (o *outcomes) close() []request {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	owed := make([]request, 0, len(o.owed))
	for r := range o.owed {
		owed = append(owed, r)
	}
	slices.SortFunc(owed, func(a, b request) int {
		if c := bytes.Compare(a.node[:], b.node[:]); c != 0 {
			return c
		}
		return int(int64(a.id) - int64(b.id))
	})
	clear(o.open)
	clear(o.sent)
	clear(o.owed)
	return owed
}
