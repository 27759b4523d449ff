package byzantine

import (
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/keys"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// loop is what a liar needs of the engine's loop.
type loop interface {
	After(d time.Duration, f func()) (cancel func())
	Rand() *rand.Rand
}

// liar is an engine.Tamper.
type liar struct {
	kind   Kind
	chain  block.Chain
	set    *validators.Set
	self   int // its index in the set
	secret keys.Secret
	loop   loop
	send   func(to []primitives.NodeID, m proto.Message)
	raw    func(to primitives.NodeID, payload []byte) // sends any bytes

	knows   knowledge
	twins   map[primitives.Hash]*block.Block // of a block of its own, by the id of that, and of the twin's
	answers map[answer]bool                  // votes of others that it has answered
}

func newLiar(l liar) *liar {
	l.knows = newKnowledge(l.chain)
	l.twins, l.answers = map[primitives.Hash]*block.Block{}, map[answer]bool{}
	return &l
}

// Hears is engine.Tamper.
func (l *liar) Hears(from primitives.NodeID, m *enginev1.PeerMessage) {
	switch k := m.GetKind().(type) {
	case *enginev1.PeerMessage_PushQuery:
		l.knows.asks(from, l.knows.shown(k.PushQuery.GetContainer()))
	case *enginev1.PeerMessage_PullQuery:
		id, _ := primitives.HashFrom(k.PullQuery.GetContainerId())
		l.knows.asks(from, id)
	case *enginev1.PeerMessage_Put:
		l.knows.shown(k.Put.GetContainer())
	case *enginev1.PeerMessage_Get:
		l.serveTwin(from, k.Get)
	case *enginev1.PeerMessage_Votes:
		l.hearsVotes(from, k.Votes)
	}
}

// Says is engine.Tamper.
func (l *liar) Says(to []primitives.NodeID, m proto.Message) {
	l.learn(m)
	for _, n := range to {
		l.say(n, m)
	}
}

// learn takes notice of what its own engine knows.
func (l *liar) learn(m proto.Message) {
	switch m := m.(type) {
	case *enginev1.PushQuery:
		l.knows.shown(m.GetContainer())
	case *enginev1.Chits:
		l.stands(m.GetAcceptedHeight() + 1)
	case *enginev1.Votes:
		l.stands(m.GetHeight())
	}
}

// stands forgets what is past.
func (l *liar) stands(height uint64) {
	if l.knows.rise(height) {
		clear(l.answers)
		for id, b := range l.twins { // the order doesn't matter
			if b.Height+keepTwins < height {
				delete(l.twins, id)
			}
		}
	}
}

// keepTwins is for how many heights a twin is served: somebody may be behind.
const keepTwins = 64

// say tells a peer something in place of m.
func (l *liar) say(to primitives.NodeID, m proto.Message) {
	switch l.kind {
	case Silent:
		return
	case Garbage:
		l.garble(to, m)
		return
	case Wait:
		l.loop.After(l.delay(m), func() { l.send([]primitives.NodeID{to}, m) })
		return
	}
	switch was := m.(type) {
	case *enginev1.PushQuery:
		m = l.push(to, was)
	case *enginev1.Chits:
		m = l.chits(to, was)
	case *enginev1.Votes:
		m = l.votes(to, was)
	}
	l.send([]primitives.NodeID{to}, m)
}

// half divides the others in two.
func (l *liar) half(n primitives.NodeID) int {
	i, _ := l.set.Index(n)
	if i > l.self {
		i--
	}
	return i % 2
}

// chits is what the liar claims to prefer.
func (l *liar) chits(to primitives.NodeID, truth *enginev1.Chits) proto.Message {
	honest, _ := primitives.HashFrom(truth.GetPreferredId()) // its own engine made it
	wants := l.knows.wants[to]
	choice := honest
	switch l.kind {
	case Flatter:
		if l.knows.height(wants) > 0 {
			choice = wants
		}
	case Oppose:
		nothing, _ := primitives.HashFrom(truth.GetAcceptedId())
		choice = l.knows.another(wants, nothing)
	case Equivocate:
		if l.half(to) == 1 {
			choice = l.knows.another(honest, honest)
		}
	}
	if choice == honest {
		return truth
	}
	lie := proto.CloneOf(truth)
	lie.PreferredId, lie.PreferredIdAtHeight = choice[:], choice[:]
	return lie
}
