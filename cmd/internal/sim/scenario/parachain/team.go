package parachain

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/collator/ledger"
	"github.com/reevenet/reeve/services/collator/para"
)

// firstPara is the id of the first para; the others follow.
const firstPara = 2000

// team is who runs a parachain: its users, and its block producers on some nodes, which know of each other what they
// have built.
type team struct {
	net    *network
	para   uint32
	rng    *rand.Rand
	purse  ed25519.PrivateKey // the account that has everything in the beginning
	states map[[32]byte]ledger.State
	head   ledger.Head // the last that was included
	queue  []ledger.Transfer
	closed bool

	since            int // blocks included since all healed
	built, paid      *uint64
	refused, seconds *uint64
}

// balance is what there is.
const balance = 1_000_000

func newTeam(net *network, index int) *team {
	t := &team{
		net: net, para: firstPara + uint32(index), rng: net.World.RNG("team", index),
		states: map[[32]byte]ledger.State{},
		built:  net.World.Progress("built"), paid: net.World.Progress("transfers"),
		refused: net.World.Progress("refused"), seconds: net.World.Progress("seconded"),
	}
	seed := net.World.Key("purse", index)
	t.purse = ed25519.NewKeyFromSeed(seed[:])
	t.head = t.keep(ledger.State{{Key: t.owner(), Balance: balance}}, 0)
	return t
}

func (t *team) owner() [ledger.KeySize]byte {
	return [ledger.KeySize]byte(t.purse.Public().(ed25519.PublicKey))
}

func (t *team) keep(s ledger.State, number uint64) ledger.Head {
	h := ledger.Head{Number: number, State: s.Hash()}
	t.states[h.State] = s
	return h
}

// Start is sim.Actor: users pay one another.
func (t *team) Start() {
	nonce := uint64(0)
	var act func()
	act = func() {
		t.net.World.Clock.After(time.Duration(t.rng.ExpFloat64()*float64(t.net.think)), func() {
			if t.closed {
				return
			}
			t.pay(nonce)
			nonce++
			act()
		})
	}
	act()
}

// Close is sim.Actor.
func (t *team) Close() { t.closed = true }

func (t *team) pay(nonce uint64) {
	p := ledger.Transfer{From: t.owner(), Amount: 1 + t.rng.Uint64N(9), Nonce: nonce}
	binary.BigEndian.PutUint64(p.To[:], t.rng.Uint64N(16))
	p.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(t.purse, p.Payload()))
	t.queue = append(t.queue, p)
}

// included notes the para's new head.
func (t *team) included(raw []byte) {
	h, err := ledger.DecodeHead(raw)
	if err != nil {
		t.net.World.Violate("P7", "para %d has a head that is none", t.para)
		return
	}
	t.since++
	t.head = h
	s := t.states[h.State]
	at, _ := s.Find(t.owner())
	for len(t.queue) > 0 && len(s) > 0 && t.queue[0].Nonce < s[at].Nonce {
		t.queue = t.queue[1:]
		*t.paid++
	}
}

// maxPaid is how many transfers a block has at most.
const maxPaid = 8

// producer is the block producer of a team on a node; most nodes have none.
func (net *network) producer(i *sim.Incarnation) subsystem.Spec {
	t := net.collates(i.Node.Index)
	if t == nil {
		return para.Declared()
	}
	return para.Spec(t.para, &book{team: t, node: i.Node.Index})
}

// producers is on how many nodes each team builds blocks.
const producers = 2

// collates is the team that builds blocks on a node: teams take honest validators' nodes, in order, and liars who lie
// about what they second, or keep it back, bring along what they do.
func (net *network) collates(node int) *team {
	if net.lies.is(node) {
		if net.lies.kinds[node].seconds() {
			return net.teams[node%len(net.teams)]
		}
		return nil
	}
	rank := 0
	for i := range node {
		if !net.lies.is(i) {
			rank++
		}
	}
	if rank < producers*len(net.teams) {
		return net.teams[rank%len(net.teams)]
	}
	return nil
}

// book is the ledger of a team as one of its block producers has it.
type book struct {
	team *team
	node int
}

var errUnknownHead = errors.New("nobody of the team has built this head")

// Build is para.Chain's.
func (b *book) Build(on para.Opportunity) (*para.Block, error) {
	t := b.team
	head, err := ledger.DecodeHead(on.Head)
	if err != nil {
		return nil, err
	}
	before, known := t.states[head.State]
	if !known {
		return nil, errUnknownHead
	}
	*t.built++
	if t.net.lies.kinds[b.node] == Garbage {
		return t.net.lies.garbage(head), nil
	}
	after, proof := append(ledger.State(nil), before...), ledger.Proof{Before: before}
	for _, p := range t.queue {
		if len(proof.Transfers) < maxPaid && after.Apply(p) == nil {
			proof.Transfers = append(proof.Transfers, p)
		}
	}
	next := t.keep(after, head.Number+1)
	return &para.Block{PoV: proof.Encode(), Head: next.Encode()}, nil
}

// Submitted is para.Chain's.
func (*book) Submitted([]byte, *para.Block) {}

// Became is para.Chain's.
func (b *book) Became(_ []byte, s *primitivesv1.CollationStatus) {
	switch s.GetKind().(type) {
	case *primitivesv1.CollationStatus_Seconded:
		*b.team.seconds++
	case *primitivesv1.CollationStatus_Refused:
		*b.team.refused++
	}
}
