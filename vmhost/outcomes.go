package vmhost

import (
	"fmt"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// maxOpen bounds the app requests that are open at one time, in each direction.
const maxOpen = 4096

// outcomes is the table behind two promises: every request of the VM to a peer ends exactly once, and a peer's request
// is answered at most once, while the peer waits. An entry is made before the VM hears that sending went well, and
// whoever takes it out delivers the outcome. One table per life of the plugin: a VM that is started anew has nothing
// outstanding, and since a request has a number on the network that no earlier one had, an outcome of an earlier life
// is none of its entries'. Locked, because VMs call from goroutines of their own.
type outcomes struct {
	mu     sync.Mutex
	closed bool
	// asked are the VM's requests, by their numbers on the network; vm has the VM's numbers by those, and network those
	// by the VM's.
	asked       *requests.Table
	vm, network map[requests.Request]uint32
	// owed are peers' requests that the VM hasn't answered, by the peers' numbers.
	owed *requests.Table
}

func newOutcomes() *outcomes {
	return &outcomes{
		asked: requests.New(maxOpen), owed: requests.New(maxOpen),
		vm: make(map[requests.Request]uint32), network: make(map[requests.Request]uint32),
	}
}

func keyOf(node primitives.NodeID, id uint32) requests.Key {
	return requests.Key{Node: node, ID: id, Answer: requests.AppResponse}
}

// ask makes an entry per node for the VM's request id, or none and an error. number is its name on the network. It
// returns how long the slowest node is waited for; a wait of zero is as long as the nodes have needed lately.
func (o *outcomes) ask(nodes []primitives.NodeID, id, number uint32, now time.Time, wait time.Duration) (time.Duration,
	error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, fmt.Errorf("the chain is stopping")
	}
	longest := wait
	for i, node := range nodes {
		deadline, err := o.askOne(node, id, number, now, wait)
		if err != nil {
			for _, asked := range nodes[:i] {
				if k := keyOf(asked, number); o.asked.Fail(k) {
					o.forget(k)
				}
			}
			return 0, err
		}
		longest = max(longest, deadline.Sub(now))
	}
	return longest, nil
}

func (o *outcomes) askOne(node primitives.NodeID, id, number uint32, now time.Time,
	wait time.Duration) (deadline time.Time, err error) {
	named := requests.Request{NodeID: node, RequestID: id}
	if open, taken := o.network[named]; taken {
		if open == number {
			return now, nil // the node is named twice
		}
		return now, fmt.Errorf("request %d to %v is still open", id, node.Short())
	}
	if deadline, err = o.asked.Add(keyOf(node, number), now, wait); err != nil {
		return now, err
	}
	o.network[named] = number
	o.vm[requests.Request{NodeID: node, RequestID: number}] = id
	return deadline, nil
}

// forget takes a request that has ended out of the names, and returns the VM's.
func (o *outcomes) forget(k requests.Key) requests.Request {
	id := o.vm[k.Request()]
	delete(o.vm, k.Request())
	own := requests.Request{NodeID: k.Node, RequestID: id}
	delete(o.network, own)
	return own
}

func (o *outcomes) forgetAll(keys []requests.Key) []requests.Request {
	ended := make([]requests.Request, len(keys))
	for i, k := range keys {
		ended[i] = o.forget(k)
	}
	return ended
}

// answered ends one of the VM's requests with an answer. ok is false when it has ended before.
func (o *outcomes) answered(node primitives.NodeID, number uint32, now time.Time) (own requests.Request, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.asked.Answer(keyOf(node, number), now) {
		return own, false
	}
	return o.forget(keyOf(node, number)), true
}

// failed ends one of the VM's requests without an answer. ok is false when it has ended before.
func (o *outcomes) failed(node primitives.NodeID, number uint32) (own requests.Request, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.asked.Fail(keyOf(node, number)) {
		return own, false
	}
	return o.forget(keyOf(node, number)), true
}

// owe remembers a peer's request, which the peer waits for so long.
func (o *outcomes) owe(node primitives.NodeID, id uint32, now time.Time, wait time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return fmt.Errorf("the chain is stopping")
	}
	o.owed.Expire(now)
	_, err := o.owed.Add(keyOf(node, id), now, wait)
	return err
}

// settle ends a peer's request. false: it isn't open.
func (o *outcomes) settle(node primitives.NodeID, id uint32, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owed.Expire(now)
	return o.owed.Fail(keyOf(node, id))
}

// expire ends what nobody waits for any more, and returns those of the VM's own.
func (o *outcomes) expire(now time.Time) []requests.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.forgetAll(o.asked.Expire(now))
}

// next is when expire has something to do.
func (o *outcomes) next() (time.Time, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked.Next()
}

// disconnect ends everything that is open with a peer, and returns those of the VM's own.
func (o *outcomes) disconnect(node primitives.NodeID) []requests.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owed.Disconnect(node)
	return o.forgetAll(o.asked.Disconnect(node))
}

// cancel ends the VM's own, and returns them.
func (o *outcomes) cancel() []requests.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.forgetAll(o.asked.Cancel())
}

// close ends everything and returns what is owed to peers, in a fixed order.
func (o *outcomes) close() []requests.Key {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.forgetAll(o.asked.Cancel())
	return o.owed.Cancel()
}
