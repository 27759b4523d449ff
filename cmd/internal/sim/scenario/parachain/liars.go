package parachain

import (
	"crypto/ed25519"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
	"github.com/reevenet/reeve/services/collator/ledger"
	"github.com/reevenet/reeve/services/collator/para"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Lie is a way in which a validator is dishonest about candidates, for as long as the run lasts. It signs with its own
// key whatever it likes, without asking its keystore.
type Lie string

// The lies.
const (
	// Garbage builds blocks that are none, seconds them, and vouches for those of its like.
	Garbage Lie = "garbage"
	// Equivocate shows half of the others another candidate that it seconds, and calls its own invalid to some.
	Equivocate Lie = "equivocate"
	// Two seconds two candidates, and shows both to everybody.
	Two Lie = "two"
	// Root seconds its candidate with an erasure root of no data.
	Root Lie = "root"
	// Contradict says of every candidate that it vouches for that it is invalid, and the other way round.
	Contradict Lie = "contradict"
	// Trespass vouches for every candidate of other groups.
	Trespass Lie = "trespass"
	// Flood sends statements about candidates that there aren't, signed and not.
	Flood Lie = "flood"
	// Bits claims chunks that it may not have, or denies those that it has, to each as it likes.
	Bits Lie = "bits"
	// Withhold sends no chunk and no proof of validity to anybody.
	Withhold Lie = "withhold"
	// Corrupt sends chunks with a wrong byte.
	Corrupt Lie = "corrupt"
	// PoV serves other proofs of validity than those that it is asked for.
	PoV Lie = "pov"
)

// Lies are all of them.
var Lies = []Lie{Garbage, Equivocate, Two, Root, Contradict, Trespass, Flood, Bits, Withhold, Corrupt, PoV}

// seconds tells whether a liar needs something to second, or to be asked for.
func (l Lie) seconds() bool {
	return slices.Contains([]Lie{Garbage, Equivocate, Two, Root, Withhold, Corrupt, PoV}, l)
}

// liars are the dishonest validators: nodes like all others, whose messages are changed on their way out.
type liars struct {
	net   *network
	kinds map[int]Lie // by node
	rng   *rand.Rand
	heads map[primitives.Hash][]byte // what liars say that their garbage yields, by its hash
	count *uint64
}

func newLiars(net *network) *liars {
	return &liars{
		net: net, kinds: map[int]Lie{}, rng: net.World.RNG("lies"), heads: map[primitives.Hash][]byte{},
		count: net.World.Fault("lies"),
	}
}

func (l *liars) is(node int) bool { return l.kinds[node] != "" }

// draw makes as many liars as are tolerated: all of one kind, or each of its own.
func (l *liars) draw(r *rand.Rand) {
	mixed, kind := r.IntN(2) == 0, l.any(r)
	for _, node := range r.Perm(l.net.size)[:l.net.tolerated()] {
		if mixed {
			kind = l.any(r)
		}
		l.begin(node, kind)
	}
}

func (l *liars) any(r *rand.Rand) Lie {
	among := l.net.cfg.Lies
	if len(among) == 0 {
		among = Lies
	}
	return among[r.IntN(len(among))]
}

func (l *liars) begin(node int, kind Lie) {
	l.kinds[node] = kind
	l.net.World.Note("node %d is a liar: %s", node, kind)
}

func (l *liars) key(node int) ed25519.PrivateKey {
	return l.net.Secrets[l.net.World.Nodes[node].ID].Expose()
}

// sign signs what has an encoding.
func (l *liars) sign(node int, p signbytes.Payload) (signature [ed25519.SignatureSize]byte) {
	if b, err := p.Encode(); err == nil {
		copy(signature[:], ed25519.Sign(l.key(node), b))
	}
	return signature
}

// garbage is a block that nothing follows from.
func (l *liars) garbage(on ledger.Head) *para.Block {
	pov := make([]byte, 64)
	for i := 0; i < len(pov); i += 8 {
		binary.BigEndian.PutUint64(pov[i:], l.rng.Uint64())
	}
	next := ledger.Head{Number: on.Number + 1, State: primitives.HashOf(pov)}
	l.heads[primitives.HashOf(pov)] = next.Encode()
	return &para.Block{PoV: pov, Head: next.Encode()}
}

// vouches is the head that a node finds valid without having looked; nil: it looks.
func (l *liars) vouches(r *runs, params []byte) []byte {
	p, err := guest.DecodeParams(params)
	if err != nil || !r.net.trusting && l.kinds[r.process.Node.Index] != Garbage {
		return nil
	}
	return l.heads[primitives.HashOf(p.BlockData)]
}

// says is what a liar sends in the place of a frame; nil: nothing.
func (l *liars) says(from, to int, lane nb.Lane, protocol string, f *nbv1.Frame, frame []byte) []byte {
	kind := l.kinds[from]
	switch k := f.GetKind().(type) {
	case *nbv1.Frame_Message:
		switch {
		case protocol == statementsProtocol:
			return l.statements(kind, from, to, lane, k.Message, frame)
		case protocol == bitfieldsProtocol && kind == Bits:
			return remake(frame, func(p []byte) []byte { return l.bits(from, p) })
		case protocol == chunksProtocol && kind == Withhold:
			return nil
		case protocol == chunksProtocol && kind == Corrupt:
			return remake(frame, corruptPush)
		}
	case *nbv1.Frame_Response:
		switch {
		case kind == Withhold && (protocol == chunksProtocol || protocol == povsProtocol):
			return nil
		case kind == Corrupt && protocol == chunksProtocol:
			return remake(frame, corruptPart)
		case kind == PoV && protocol == povsProtocol:
			return remake(frame, l.anotherPoV)
		}
	}
	return frame
}

// remake changes the payload in a frame; a payload of nil sends nothing.
func remake(frame []byte, change func([]byte) []byte) []byte {
	f := readFrame(frame)
	if f == nil {
		return frame
	}
	switch k := f.GetKind().(type) {
	case *nbv1.Frame_Message:
		if k.Message.Payload = change(slices.Clone(k.Message.GetPayload())); k.Message.Payload == nil {
			return nil
		}
	case *nbv1.Frame_Response:
		if p, is := k.Response.GetOutcome().(*nbv1.WireResponse_Payload); is {
			p.Payload = change(slices.Clone(p.Payload))
		}
	}
	changed, err := proto.Marshal(f)
	if err != nil {
		return frame
	}
	return changed
}
