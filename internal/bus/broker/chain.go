package broker

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// address is where a message goes: to a subsystem, or to the one of it that serves a chain.
type address struct{ subsystem, chain string }

// String is how people are told of it.
func (a address) String() string {
	if a.chain == "" {
		return a.subsystem
	}
	return a.subsystem + " of chain " + a.chain
}

// perChain tells whether there is one of a subsystem per chain. The overseer itself keeps the leaves of each.
func (b *Broker) perChain(subsystem string) bool {
	return subsystem == Overseer || b.cfg.PerChain(subsystem)
}

// mailbox finds the one at an address; the first mention makes it.
func (b *Broker) mailbox(at address) *mailbox {
	s := b.mailboxes[at]
	if s == nil {
		s = &mailbox{address: at, watchers: map[*Instance]bool{}, signalled: b.sequence}
		if b.perChain(at.subsystem) {
			s.signalled = b.timelines[at.chain]
		}
		b.mailboxes[at] = s
		b.order = append(b.order, s)
	}
	return s
}

// targets lists the mailboxes of a subsystem that an instance may send to: one, or one per chain that it serves.
func (b *Broker) targets(i *Instance, subsystem string) (boxes []*mailbox) {
	if !b.perChain(subsystem) {
		return []*mailbox{b.mailbox(address{subsystem: subsystem})}
	}
	for _, chain := range b.cfg.Chains {
		if i.Serves(chain) {
			boxes = append(boxes, b.mailbox(address{subsystem, chain}))
		}
	}
	return boxes
}

// Serves tells whether an instance has to do with a chain: it serves that one, or all.
func (i *Instance) Serves(chain string) bool {
	return i.home.class != PerChain || i.home.chain == chain
}

// place is where an instance belongs, or why it can't be taken.
func (b *Broker) place(a Attach) (address, *wire.Failure) {
	at := address{subsystem: a.Subsystem}
	switch {
	case a.Class != PerChain && a.Chain != "":
		return at, refusal(codeRefused, "%s serves all chains: it can't be attached for chain %s", a.Subsystem, a.Chain)
	case a.Class != PerChain:
		return at, nil
	case a.Chain != "" && !b.perChain(a.Subsystem):
		return at, refusal(codeRefused,
			"there is one %s per chain, and only a subsystem with a Spec in this node may be so", a.Subsystem)
	case !slices.Contains(b.cfg.Chains, a.Chain):
		return at, refusal(codeRefused, "%s is attached for chain %q, and this node has %s", a.Subsystem, a.Chain,
			b.chains())
	}
	at.chain = a.Chain
	return at, nil
}

// chains lists the node's chains for people.
func (b *Broker) chains() string {
	if len(b.cfg.Chains) == 1 && b.cfg.Chains[0] == "" {
		return "one without a name"
	}
	return strings.Join(b.cfg.Chains, ", ")
}

// chainsOf is how many chains an instance may name, none included: as many edges has it towards each receiver.
func (b *Broker) chainsOf(a Attach) int {
	if a.Class == PerChain || len(b.cfg.Chains) == 1 && b.cfg.Chains[0] == "" {
		return 1
	}
	return len(b.cfg.Chains) + 1
}

// chainOf is the chain that a message of an instance is about: the instance's own, or the one that it names.
func (b *Broker) chainOf(i *Instance, e *wire.Envelope) string {
	if i.home.class == PerChain {
		return i.home.chain
	}
	return e.Chain
}

// receiver finds the mailbox for a message about a chain, or says why there is none. To a subsystem per chain, a
// message that names no chain is about the node's only one.
func (b *Broker) receiver(v *Variant, chain string) (*mailbox, *wire.Failure) {
	switch {
	case chain != "" && !slices.Contains(b.cfg.Chains, chain):
		return nil, refusal(codeRefused, "%s is about chain %q, and this node has %s", v.Name, chain, b.chains())
	case !b.perChain(v.Subsystem):
		return b.mailbox(address{subsystem: v.Subsystem}), nil
	case chain == "" && len(b.cfg.Chains) > 1:
		return nil, refusal(codeRefused, "there is one %s per chain: %s must name one of %s", v.Subsystem, v.Name,
			b.chains())
	case chain == "":
		chain = b.cfg.Chains[0]
	}
	return b.mailbox(address{v.Subsystem, chain}), nil
}

// Signals enqueues one batch of signals about a chain, the last of which has the given number, to every instance that
// serves the chain, in one step.
func (b *Broker) Signals(chain string, batch []byte, sequence uint64) {
	b.timelines[chain] = sequence
	b.signal(batch, sequence, func(s *mailbox) bool { return !b.perChain(s.subsystem) || s.chain == chain })
}

// SignalAll enqueues a batch of signals that are about no chain to every instance.
func (b *Broker) SignalAll(batch []byte, sequence uint64) {
	for _, chain := range b.cfg.Chains {
		b.timelines[chain] = sequence
	}
	b.signal(batch, sequence, func(*mailbox) bool { return true })
}

func (b *Broker) signal(batch []byte, sequence uint64, to func(*mailbox) bool) {
	b.Count.Signals++
	b.sequence = sequence
	for _, s := range b.order {
		if !to(s) {
			continue
		}
		s.signalled = sequence
		for _, i := range s.all() {
			b.control(i, controlFrame{tag: wire.TagSignals, body: batch})
		}
	}
}

// presence is what those who watch a mailbox are told: whether there is a live instance, and its generation.
func (s *mailbox) presence(generation uint64) []byte {
	p, _ := proto.Marshal(&overseerv1.Presence{Subsystem: s.subsystem, Chain: s.chain, Present: generation != 0,
		Generation: generation})
	return p
}

// shares tells whether the instances at a mailbox share its work, so that it may be finished out of order.
func (s *mailbox) shares() bool { return s.class == Pool || s.class == Sharded }

// ClassName is what people call a class; empty for none.
func ClassName(c Class) string {
	if c == 0 {
		return ""
	}
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(c.String(), "CLASS_")), "_", "-")
}
