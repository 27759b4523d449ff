package sim

import (
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// lie is how a dishonest validator votes. It knows what everybody prefers.
type lie int

const (
	truth    lie = iota
	random       // any block that is undecided
	perAsker     // each asker always hears the same, and not all the same
	opposite     // never what the asker prefers
	flatter      // always what the asker prefers, and twins: the strongest against safety
	silent       // says nothing
	twins        // votes truly, and shows half of the others another block than the rest when it proposes
	lieKinds
)

func (l lie) String() string {
	return [...]string{"truth", "random", "per asker", "opposite", "flatter", "silent", "twins"}[l]
}

// liars are the dishonest validators: honest nodes whose votes are changed on their way out.
type liars struct {
	net   *network
	rng   *rand.Rand
	which map[int]bool
}

func newLiars(net *network) *liars {
	l := &liars{net: net, rng: virtual.RNG(net.seed, "adversary"), which: map[int]bool{}}
	for _, i := range l.rng.Perm(net.plan.validators)[:net.plan.liars] {
		l.which[i] = true
	}
	return l
}

func (l *liars) is(node int) bool { return l.which[node] }

// rewrite changes what a liar says.
func (l *liars) rewrite(from, to int, frame []byte, m message) []byte {
	if !l.which[from] || l.net.chaos.healed && !l.net.plan.lieOn {
		return frame
	}
	kind := l.net.plan.lie
	switch {
	case (kind == twins || kind == flatter) && m.kind == peerPush:
		if to%2 == 1 {
			return l.twin(from, frame, m)
		}
		return frame
	case kind == twins || m.kind != peerChits:
		return frame
	}
	l.net.count.Lies++
	if kind == silent {
		return nil
	}
	choice := l.choice(to)
	return remake(frame, func(m *enginev1.PeerMessage) {
		m.GetChits().PreferredId, m.GetChits().PreferredIdAtHeight = choice[:], choice[:]
	})
}

// twin replaces a liar's own block by another one for the same place, signed with the same key.
func (l *liars) twin(from int, frame []byte, m message) []byte {
	b, err := block.Decode(l.net.chain, field(m.body, container))
	if err != nil || int(b.Proposer) != from {
		return frame
	}
	h, body := b.Header, block.Body(b.Inherent(), b.VMBlock())
	h.Time++
	payload, err := h.Payload(l.net.chain, primitives.HashOf(body)).Encode()
	if err != nil {
		return frame
	}
	other, err := block.New(l.net.chain, h, body, l.net.secrets[l.net.nodes[from].id].Sign(payload))
	if err != nil {
		return frame
	}
	l.net.count.Lies++
	l.net.votes.onBlock(l.net.nodes[from], other.Bytes())
	return remake(frame, func(m *enginev1.PeerMessage) { m.GetPushQuery().Container = other.Bytes() })
}

// choice is what a liar tells an asker that it prefers.
func (l *liars) choice(asker int) primitives.Hash {
	v := l.net.votes
	wants, options := v.asked[asker], v.undecided()
	if height, shown := v.known[wants]; shown {
		options = v.at[height]
	}
	if len(options) == 0 {
		return l.net.final[len(l.net.final)-1]
	}
	switch l.net.plan.lie {
	case flatter:
		return wants
	case perAsker:
		return options[asker%len(options)]
	case opposite:
		for _, o := range options {
			if o != wants {
				return o
			}
		}
		return l.net.final[0]
	}
	return options[l.rng.IntN(len(options))]
}

// remake changes the engine's message in a frame.
func remake(frame []byte, change func(*enginev1.PeerMessage)) []byte {
	var f nbv1.Frame
	var m enginev1.PeerMessage
	if proto.Unmarshal(frame, &f) != nil || proto.Unmarshal(f.GetMessage().GetPayload(), &m) != nil {
		return frame
	}
	change(&m)
	payload, err := proto.Marshal(&m)
	if err != nil {
		return frame
	}
	f.GetMessage().Payload = payload
	changed, err := proto.Marshal(&f)
	if err != nil {
		return frame
	}
	return changed
}
