package overseer

import (
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/internal/core/leaves"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// chain is what the overseer keeps of one chain: its leaves, and who waits for a block to become one.
type chain struct {
	name    string
	leaves  *leaves.Set
	waiting map[primitives.Hash][]wire.ID // of WaitForActivation
}

func newChain(name string) *chain {
	return &chain{name: name, leaves: leaves.New(), waiting: map[primitives.Hash][]wire.ID{}}
}

// chain is the one with a name that the broker has checked.
func (c *Core) chain(name string) *chain {
	return c.chains[slices.IndexFunc(c.chains, func(ch *chain) bool { return ch.name == name })]
}

// handle takes a message about a chain that was sent to the overseer itself.
func (c *Core) handle(now time.Time, ch *chain, id wire.ID, m *overseerv1.OverseerMessage) {
	switch k := m.GetKind().(type) {
	case *overseerv1.OverseerMessage_BlockImported:
		c.onBlockImported(now, ch, k.BlockImported)
	case *overseerv1.OverseerMessage_BlockAccepted:
		c.onBlockAccepted(ch, k.BlockAccepted)
	case *overseerv1.OverseerMessage_WaitForActivation:
		c.onWaitForActivation(now, ch, id, k.WaitForActivation)
	}
}

func (c *Core) onBlockImported(now time.Time, ch *chain, m *overseerv1.BlockImported) {
	hash, err := primitives.HashFrom(m.Hash)
	parent, err2 := primitives.HashFrom(m.Parent)
	if err = errors.Join(err, err2); err != nil {
		c.log.Warn("a block import was not understood", "chain", ch.name, "err", err)
		return
	}
	c.signal(ch, ch.leaves.Import(leaves.Block{Hash: hash, Parent: parent, Number: m.Number}))
	for _, id := range ch.waiting[hash] {
		c.activated(now, id)
	}
	delete(ch.waiting, hash)
}

func (c *Core) onBlockAccepted(ch *chain, m *overseerv1.BlockAccepted) {
	hash, err := primitives.HashFrom(m.Hash)
	if err != nil {
		c.log.Warn("a block's finality was not understood", "chain", ch.name, "err", err)
		return
	}
	c.signal(ch, ch.leaves.Finalize(hash, m.Number))
}

// maxWaiting bounds how many blocks of a chain may be waited for; the askers' deadlines end the waiting.
const maxWaiting = 1024

func (c *Core) onWaitForActivation(now time.Time, ch *chain, id wire.ID, m *overseerv1.WaitForActivation) {
	hash, err := primitives.HashFrom(m.Hash)
	switch {
	case err != nil:
		c.Broker.Answer(now, id, nil, &wire.Failure{Code: subsystem.Refused, Message: err.Error()})
	case ch.leaves.IsActive(hash):
		c.activated(now, id)
	default:
		if len(ch.waiting) >= maxWaiting {
			clear(ch.waiting) // their askers time out, and ask again
		}
		ch.waiting[hash] = append(c.stillOpen(ch.waiting[hash]), id)
	}
}

// stillOpen leaves out the requests that have ended.
func (c *Core) stillOpen(ids []wire.ID) []wire.ID {
	return slices.DeleteFunc(ids, func(id wire.ID) bool { return !c.Broker.IsOpen(id) })
}

func (c *Core) activated(now time.Time, id wire.ID) {
	b, err := proto.Marshal(&overseerv1.WaitForActivationResponse{SignalSequence: c.sequence})
	if err == nil {
		c.Broker.Answer(now, id, b, nil)
	}
}

// signal makes a change of a chain's leaves one batch of signals, enqueued in one step to everyone who serves the
// chain.
func (c *Core) signal(ch *chain, change leaves.Change) {
	if change.Empty() {
		return
	}
	var signals []*overseerv1.Signal
	add := func(s *overseerv1.Signal) {
		s.Chain = ch.name
		signals = append(signals, s)
	}
	if f := change.Finalized; f != nil {
		add(&overseerv1.Signal{Kind: &overseerv1.Signal_BlockFinalized{BlockFinalized: finalized(*f)}})
	}
	for _, h := range change.Stopped {
		add(&overseerv1.Signal{Kind: &overseerv1.Signal_StopWork{StopWork: &overseerv1.StopWork{Hash: h[:]}}})
	}
	for _, l := range change.Started {
		add(&overseerv1.Signal{Kind: &overseerv1.Signal_StartWork{StartWork: startWork(l)}})
	}
	b := c.number(signals...)
	c.Broker.Signals(ch.name, b, c.sequence)
}

func startWork(l leaves.Block) *overseerv1.StartWork {
	return &overseerv1.StartWork{Hash: l.Hash[:], Parent: l.Parent[:], Number: l.Number}
}

func finalized(b leaves.Block) *overseerv1.BlockFinalized {
	return &overseerv1.BlockFinalized{Hash: b.Hash[:], Number: b.Number}
}

// snapshot is the timeline up to now of the chains that an instance serves.
func (c *Core) snapshot(i *broker.Instance) *overseerv1.Snapshot {
	s := &overseerv1.Snapshot{Sequence: c.sequence}
	for _, ch := range c.chains {
		if i.Serves(ch.name) {
			s.Chains = append(s.Chains, ch.snapshot())
		}
	}
	return s
}

func (ch *chain) snapshot() *overseerv1.ChainSnapshot {
	s := &overseerv1.ChainSnapshot{Chain: ch.name}
	for _, l := range ch.leaves.Active() {
		s.Leaves = append(s.Leaves, startWork(l))
	}
	if f, ok := ch.leaves.Finalized(); ok {
		s.Finalized = finalized(f)
	}
	return s
}
