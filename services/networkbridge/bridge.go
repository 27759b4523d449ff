package networkbridge

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/addrbook"
	"github.com/reevenet/reeve/internal/core/peerslots"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/reputation"
	"github.com/reevenet/reeve/internal/core/view"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// The range of wire versions that this bridge speaks.
const (
	minVersion = 1
	maxVersion = 1
)

// bridge is the handler.
type bridge struct {
	cfg Config
	sub *subsystem.Sub
	net Transport
	// self is our identity, hello the frame that opens every lane.
	self  primitives.NodeID
	hello []byte

	peers      map[primitives.NodeID]*peer
	order      []primitives.NodeID // the peers with a link, in order of their ids
	protocols  map[string]*protocol
	listed     []*protocol // the same, in the order of the configuration
	validators map[primitives.NodeID]uint64
	reserved   map[primitives.NodeID]bool // peers of the configuration that have a seat whatever they are

	ledger *reputation.Ledger
	seats  *peerslots.Table
	book   *addrbook.Book
	faults map[primitives.NodeID]string // why a peer isn't connected, bounded by the book

	leaves  view.Leaves
	told    view.View // our view, as we last told it
	syncing bool

	asked  map[requestKey]*asked
	served map[requestKey]*served
	lastID uint64
	wishes []*wish

	called    map[primitives.NodeID]bool // calls under way; true: to a stranger
	calling   func()                     // cancels the timer of the next call
	repairing bool                       // a timer of repair is set
	viewing   bool                       // a view update is posted
	dropped   nbv1.Dropped
	spared    uint64 // reports that would have banned a validator
}

func newBridge(cfg Config, sub *subsystem.Sub) (*bridge, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	b := &bridge{
		cfg: cfg, sub: sub, net: cfg.Transport, self: cfg.Transport.Self(),
		peers: map[primitives.NodeID]*peer{}, protocols: map[string]*protocol{},
		validators: map[primitives.NodeID]uint64{}, reserved: map[primitives.NodeID]bool{}, faults: map[primitives.NodeID]string{}, called: map[primitives.NodeID]bool{},
		ledger: reputation.New(), seats: peerslots.New(cfg.MaxPeers), book: addrbook.New(cfg.Transport.Self(), sub.Rand()),
		asked: map[requestKey]*asked{}, served: map[requestKey]*served{},
	}
	for _, p := range cfg.Protocols {
		if err := b.addProtocol(p); err != nil {
			return nil, err
		}
	}
	return b, b.open()
}

// open starts the transport, tells every subsystem that it knows no peer, and begins to call.
func (b *bridge) open() error {
	in := &inbox{post: b.sub.Post, handle: b.onEvents}
	if err := b.net.Start(in.put); err != nil {
		return fmt.Errorf("the network can't be reached: %w", err)
	}
	hello := &nbv1.Frame{Kind: &nbv1.Frame_Hello{Hello: b.greeting()}}
	if err := hello.Validate(); err != nil {
		return fmt.Errorf("no peer would understand this node: %w", err)
	}
	b.hello = encode(hello)
	now := b.sub.Now()
	for _, a := range b.cfg.Peers {
		b.book.Keep(a.Node, a.At, now)
		b.reserved[a.Node] = true
	}
	for _, id := range append(b.cfg.Sentries, b.cfg.Guarded) {
		b.reserved[id] = true
	}
	b.setValidators(b.cfg.Validators)
	for _, p := range b.listed {
		b.reset(p)
	}
	b.call()
	if !b.cfg.NoPeerExchange {
		b.sub.After(exchangePeriod, b.exchange)
	}
	return nil
}

func (b *bridge) greeting() *nbv1.Hello {
	at := b.net.Addresses()
	return &nbv1.Hello{
		NetworkId: b.cfg.NetworkID[:], MinVersion: minVersion, MaxVersion: maxVersion, Role: uint32(b.cfg.Role),
		Families: b.cfg.Families, Addresses: at[:min(len(at), addrbook.MaxAddresses)], Agent: b.cfg.Agent,
	}
}

// calls at once, and how many strangers we want to have called.
const (
	callsAtOnce    = 16
	calledWanted   = 8
	exchangePeriod = time.Minute
)

// call calls every node that is due, and sets the timer for the next one.
func (b *bridge) call() {
	if b.calling != nil {
		b.calling()
		b.calling = nil
	}
	now := b.sub.Now()
	strangers := min(calledWanted, b.seats.Open()) - b.seats.Called() - b.strangersCalled()
	for _, id := range b.book.Due(now, callsAtOnce-len(b.called), func(id primitives.NodeID, kept bool) bool {
		return b.wants(id, kept, &strangers)
	}) {
		b.called[id] = !b.isReserved(id) && !b.isWished(id)
		b.net.Connect(Address{Node: id, At: b.book.Addresses(id)})
	}
	if next, ok := b.book.Next(); ok {
		b.calling = b.sub.After(max(next.Sub(now), 50*time.Millisecond), func() {
			b.calling = nil
			b.call()
		})
	}
}

// strangersCalled is how many calls to strangers are under way.
func (b *bridge) strangersCalled() (n int) {
	for _, stranger := range b.called {
		if stranger {
			n++
		}
	}
	return n
}

func (b *bridge) wants(id primitives.NodeID, kept bool, strangers *int) bool {
	switch {
	case b.ledger.BannedFor(id, b.sub.Now()) > 0:
		b.book.Postpone(id, b.sub.Now().Add(b.ledger.BannedFor(id, b.sub.Now())))
		return false
	case kept, b.isReserved(id), b.isWished(id):
		return true
	case *strangers <= 0:
		b.book.Postpone(id, b.sub.Now().Add(exchangePeriod))
		return false
	}
	*strangers--
	return true
}

// isReserved tells whether the peer has a seat kept for it.
func (b *bridge) isReserved(id primitives.NodeID) bool { return b.reserved[id] || b.validators[id] > 0 }
