package networkbridge

import (
	"time"

	"github.com/reevenet/reeve/internal/core/addrbook"
	"github.com/reevenet/reeve/internal/core/peerslots"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// dialer calls the nodes that are due: all that are wanted, and as many strangers as there are slots for. No node is
// called twice at once, and none that is banned.
type dialer struct {
	sub      *subsystem.Sub
	net      Transport
	book     *addrbook.Book
	slots    *peerslots.Table
	standing *standing
	conduct  *conduct

	calls map[primitives.NodeID]bool // under way; true: to a stranger
	timer func()                     // cancels the next round; nil: none is set
}

const (
	callsAtOnce  = 16
	calledWanted = 8 // strangers that this node wants to have called
	leastRound   = 50 * time.Millisecond
)

// call calls every node that is due, and sets the timer for the next one.
func (d *dialer) call() {
	if d.timer != nil {
		d.timer()
		d.timer = nil
	}
	now := d.sub.Now()
	strangers := min(calledWanted, d.slots.Open()) - d.slots.Called() - d.strangers()
	for _, due := range d.book.Due(now, callsAtOnce-len(d.calls), func(id primitives.NodeID, kept bool) bool {
		return d.may(id, kept, &strangers)
	}) {
		d.calls[due.Node] = !d.standing.wanted(due.Node)
		d.net.Connect(Address{Node: due.Node, At: due.At})
	}
	if next, ok := d.book.Next(); ok {
		d.timer = d.sub.After(max(next.Sub(now), leastRound), func() {
			d.timer = nil
			d.call()
		})
	}
}

// strangers is how many calls to strangers are under way.
func (d *dialer) strangers() (n int) {
	for _, stranger := range d.calls {
		if stranger {
			n++
		}
	}
	return n
}

func (d *dialer) may(id primitives.NodeID, kept bool, strangers *int) bool {
	banned := d.conduct.bannedFor(id)
	switch {
	case banned > 0:
		d.book.Postpone(id, d.sub.Now().Add(banned))
		return false
	case kept, d.standing.wanted(id):
		return true
	case *strangers <= 0:
		d.book.Postpone(id, d.sub.Now().Add(exchangePeriod))
		return false
	}
	*strangers--
	return true
}

// connected ends a call, whoever of the two called.
func (d *dialer) connected(id primitives.NodeID) {
	d.book.Connected(id)
	delete(d.calls, id)
}

// lost has the node called again after a while.
func (d *dialer) lost(id primitives.NodeID) { d.book.Lost(id, d.sub.Now()) }

// failed ends a call that reached nobody.
func (d *dialer) failed(id primitives.NodeID) { delete(d.calls, id) }
