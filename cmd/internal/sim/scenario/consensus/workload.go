package consensus

import (
	"crypto/ed25519"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// workload is the users of a chain: each signs transactions one after the other, posts each to some node, asks some
// node whether it is final, and posts it to another node when that takes too long.
type workload struct {
	chain *chain
	clock *virtual.Scheduler
	rng   *rand.Rand
	users []*user
	// closed: users begin nothing new.
	closed bool
	told   []vmsdk.ID // what a user was told is final
	final  *uint64
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

// window is how many transactions a user has under way at most; patience is after how long one is posted to another
// node.
const (
	window   = 3
	patience = 2 * time.Second
)

func newWorkload(c *chain) *workload {
	world := c.net.World
	w := &workload{
		chain: c, clock: world.Clock, rng: world.RNG("workload", c.index), final: world.Progress("transactions"),
	}
	for i := range c.net.users {
		seed := world.Key("user", c.index, i)
		w.users = append(w.users, &user{key: ed25519.NewKeyFromSeed(seed[:])})
	}
	return w
}

// Start is sim.Actor: every user acts, each in its own rhythm.
func (w *workload) Start() {
	w.clock.After(w.chain.net.quiet, func() {
		for _, u := range w.users {
			w.act(u)
		}
	})
}

// Close is sim.Actor.
func (w *workload) Close() { w.closed = true }

func (w *workload) act(u *user) {
	w.clock.After(time.Duration(w.rng.ExpFloat64()*float64(w.chain.net.think)), func() {
		w.ask(u)
		if !w.closed && len(u.pending) < window {
			w.begin(u)
		}
		for _, p := range u.pending {
			if !p.taken || w.clock.Elapsed()-p.posted > patience {
				w.post(p)
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
	r := w.honest()
	for len(u.pending) > 0 {
		if accepted, _ := r.knows(u.pending[0].id); !accepted {
			return
		}
		w.told = append(w.told, u.pending[0].id)
		u.pending = u.pending[1:]
		*w.final++
	}
}

func (w *workload) begin(u *user) {
	value := binary.BigEndian.AppendUint64(nil, w.rng.Uint64())
	tx := kvvm.NewTx(w.chain.id.ID, u.key, u.nonce, kvvm.Put, value[:1], value)
	u.nonce++
	u.pending = append(u.pending, &waiting{id: tx.ID(), raw: tx.Bytes()})
}

func (w *workload) post(p *waiting) {
	p.posted = w.clock.Elapsed()
	p.taken = w.any().post(p.raw)
}

func (w *workload) any() *replica { return w.chain.replicas[w.rng.IntN(len(w.chain.replicas))] }

// honest is some node whose word counts.
func (w *workload) honest() *replica {
	for {
		if r := w.any(); !r.liar() {
			return r
		}
	}
}

// kept checks that every node that answers knows as final what users were told is final. False: not all nodes answer.
func (w *workload) kept() bool {
	for _, r := range w.chain.replicas {
		if !r.liar() && !r.serves() {
			return false
		}
	}
	for _, r := range w.chain.replicas {
		for _, id := range w.told {
			if r.liar() {
				continue
			}
			accepted, known := r.knows(id)
			if !known {
				return false
			}
			if !accepted {
				r.violate("told", "a user was told that transaction %s is final, and it isn't", id)
				return true
			}
		}
	}
	return true
}

// open counts what isn't final yet.
func (w *workload) open() (n int) {
	for _, u := range w.users {
		n += len(u.pending)
	}
	return n
}
