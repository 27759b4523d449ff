package sim

import (
	"crypto/ed25519"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// workload is the users of the network: each signs transactions one after the other, gives each to some node, asks some node
// whether it is final, and gives it to another node when that takes too long.
type workload struct {
	net   *network
	rng   *rand.Rand
	users []*user
	// closed: users begin nothing new.
	closed bool
	final  int
}

type user struct {
	key     ed25519.PrivateKey
	nonce   uint64
	pending []*waiting
}

type waiting struct {
	id     vmsdk.ID
	raw    []byte
	posted time.Duration
	taken  bool
}

// window is how many transactions a user has under way at most; patience is after how long one is given to another node.
const (
	window   = 3
	patience = 2 * time.Second
)

func newWorkload(net *network) *workload {
	w := &workload{net: net, rng: virtual.RNG(net.seed, "workload")}
	for i := range net.plan.users {
		seed := virtual.Key(net.seed, "user", i)
		w.users = append(w.users, &user{key: ed25519.NewKeyFromSeed(seed[:])})
	}
	return w
}

// start lets every user act, each in its own rhythm.
func (w *workload) start() {
	for _, u := range w.users {
		w.act(u)
	}
}

func (w *workload) act(u *user) {
	w.net.clock.After(time.Duration(w.rng.ExpFloat64()*float64(w.net.plan.think)), func() {
		w.ask(u)
		if !w.closed && len(u.pending) < window {
			w.begin(u)
		}
		for _, p := range u.pending {
			if !p.taken || w.net.clock.Elapsed()-p.posted > patience {
				w.give(p)
			}
		}
		w.act(u)
	})
}

// ask finds out which of a user's transactions are final.
func (w *workload) ask(u *user) {
	if len(u.pending) == 0 {
		return
	}
	n := w.anyNode()
	for len(u.pending) > 0 && n.accepted(u.pending[0].id) {
		u.pending = u.pending[1:]
		w.final++
	}
}

func (w *workload) begin(u *user) {
	value := binary.BigEndian.AppendUint64(nil, w.rng.Uint64())
	tx := kvvm.NewTx(w.net.chain.ID, u.key, u.nonce, kvvm.Put, value[:1], value)
	u.nonce++
	u.pending = append(u.pending, &waiting{id: tx.ID(), raw: tx.Bytes()})
}

func (w *workload) give(p *waiting) {
	p.posted = w.net.clock.Elapsed()
	p.taken = w.anyNode().post(p.raw)
}

func (w *workload) anyNode() *node { return w.net.nodes[w.rng.IntN(len(w.net.nodes))] }

// open counts what isn't final yet.
func (w *workload) open() (n int) {
	for _, u := range w.users {
		n += len(u.pending)
	}
	return n
}
