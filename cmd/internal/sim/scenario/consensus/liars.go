package consensus

import (
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
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
	kind  lie
	rng   *rand.Rand
	which map[int]bool
	over  bool // they have become honest, and are still not believed
	count *uint64
}

func newLiars(net *network) *liars {
	return &liars{net: net, which: map[int]bool{}, count: net.world.Fault("lies")}
}

// draw makes as many nodes liars as the parameters tolerate.
func (l *liars) draw(r *rand.Rand) {
	l.begin(lie(1+r.IntN(int(lieKinds)-1)), l.net.params.Tolerated())(r)
}

// begin makes some nodes liars of a kind.
func (l *liars) begin(kind lie, nodes int) func(*rand.Rand) {
	return func(r *rand.Rand) {
		l.kind, l.rng = kind, r
		for _, i := range r.Perm(l.net.size)[:nodes] {
			l.which[i] = true
		}
	}
}

func (l *liars) end() { l.over = true }

func (l *liars) is(node int) bool { return l.which[node] }

// rewrite changes what a liar sends.
func (l *liars) rewrite(from *replica, to int, frame []byte, m *enginev1.PeerMessage) []byte {
	if !from.liar() || l.over {
		return frame
	}
	switch kind := l.kind; {
	case (kind == twins || kind == flatter) && m.GetPushQuery() != nil:
		if to%2 == 1 {
			return l.twin(from, frame, m)
		}
		return frame
	case kind == twins || m.GetChits() == nil:
		return frame
	}
	*l.count++
	if l.kind == silent {
		return nil
	}
	choice := l.choice(from.chain, to)
	return remake(frame, func(m *enginev1.PeerMessage) {
		m.GetChits().PreferredId, m.GetChits().PreferredIdAtHeight = choice[:], choice[:]
	})
}

// twin replaces a liar's own block by another one for the same place, signed with the same key.
func (l *liars) twin(from *replica, frame []byte, m *enginev1.PeerMessage) []byte {
	chain := from.chain.id
	b, err := block.Decode(chain, m.GetPushQuery().GetContainer())
	if err != nil || int(b.Proposer) != from.node.Index {
		return frame
	}
	h, body := b.Header, block.Body(b.Inherent(), b.VMBlock())
	h.Time++
	payload, err := h.Payload(chain, primitives.HashOf(body)).Encode()
	if err != nil {
		return frame
	}
	other, err := block.New(chain, h, body, l.net.secrets[from.node.ID].Sign(payload))
	if err != nil {
		return frame
	}
	*l.count++
	from.chain.votes.onBlock(from, other.Bytes())
	return remake(frame, func(m *enginev1.PeerMessage) { m.GetPushQuery().Container = other.Bytes() })
}

// choice is what a liar claims to prefer when a node asks.
func (l *liars) choice(c *chain, asker int) primitives.Hash {
	v := c.votes
	wants, options := v.asked[asker], v.undecided()
	if height, shown := v.known[wants]; shown {
		options = v.at[height]
	}
	if len(options) == 0 {
		return c.final[len(c.final)-1]
	}
	switch l.kind {
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
		return c.final[0]
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
