package finality

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// network plays a height among validators in virtual time: messages are delayed, lost and repeated until it heals,
// honest nodes crash and come back with what they recorded. Faulty ones, with less than a third of the stake, say
// anything to anybody all the time, or are honest until they go for good.
type network struct {
	rng    *rand.Rand
	set    *validators.Set
	order  []int
	nodes  []*node
	events []happening
	now    time.Duration
	heals  time.Duration
	seq    int
}

type node struct {
	*Instance
	liar    bool
	leaves  time.Duration // before the network heals; 0: never
	gone    bool
	life    int
	durable []Signed
	proof   *Proof // durable, too
	decided *Proof
}

type happening struct {
	at  time.Duration
	seq int
	f   func()
}

func play(t *testing.T, seed uint64) *network {
	rng := rand.New(rand.NewPCG(seed, 7))
	stakes := make([]uint64, 1+rng.IntN(13))
	total := uint64(0)
	for i := range stakes {
		stakes[i] = 1 + uint64(rng.IntN(2)*rng.IntN(5))
		total += stakes[i]
	}
	w := &network{
		rng:   rng,
		set:   setOf(t, stakes...),
		order: rng.Perm(len(stakes)),
		heals: time.Duration(rng.IntN(5000)) * time.Millisecond,
	}
	faulty := uint64(0)
	for i := range stakes {
		n := &node{}
		if s := w.set.StakeOf(i); 3*(faulty+s) < total && rng.IntN(2) == 0 {
			faulty += s
			if n.liar = rng.IntN(2) == 0; !n.liar {
				n.leaves = 1 + time.Duration(rng.Int64N(int64(w.heals)+1))
			}
		}
		w.nodes = append(w.nodes, n)
	}
	for i := range w.nodes {
		w.start(i)
		w.trouble(i)
	}
	return w
}

func (w *network) after(d time.Duration, f func()) {
	w.seq++
	w.events = append(w.events, happening{w.now + d, w.seq, f})
}

// run goes on until all honest nodes have decided, or for an hour.
func (w *network) run() bool {
	for len(w.events) > 0 && w.now < time.Hour {
		i := 0
		for j, e := range w.events {
			if cmp.Or(cmp.Compare(e.at, w.events[i].at), cmp.Compare(e.seq, w.events[i].seq)) < 0 {
				i = j
			}
		}
		e := w.events[i]
		w.events = slices.Delete(w.events, i, i+1)
		w.now = e.at
		e.f()
		if !slices.ContainsFunc(w.nodes, func(n *node) bool { return !n.faulty() && n.decided == nil }) {
			return true
		}
	}
	return false
}

func (n *node) faulty() bool { return n.liar || n.leaves > 0 }

// start begins a node's next incarnation.
func (w *network) start(i int) {
	n := w.nodes[i]
	n.life++
	n.Instance = New(Config{Validators: w.set, Self: i, Order: w.order, Own: n.durable, Pace: pace})
	w.perform(i, n.Begin())
	if n.proof != nil {
		w.step(i, Shown{Proof: n.proof})
	}
	w.blocks(i)
}

// blocks lets a node hear of the two blocks, in any order.
func (w *network) blocks(i int) {
	life := w.nodes[i].life
	for _, b := range []primitives.Hash{blockA, blockB} {
		w.after(w.delay(), func() {
			if w.nodes[i].life != life {
				return
			}
			in := Input(Preferred{Block: b, Confident: w.rng.IntN(2) == 0})
			if w.rng.IntN(3) == 0 {
				in = Verified{Block: b}
			}
			w.step(i, in)
		})
	}
}

// trouble is what befalls a node: crashes of the honest, whims of the liars.
func (w *network) trouble(i int) {
	n := w.nodes[i]
	w.after(time.Duration(w.rng.IntN(400))*time.Millisecond, func() {
		switch {
		case n.leaves > 0 && w.now >= n.leaves:
			n.gone = true
			n.life++
			return
		case n.liar:
			w.lie(i)
		case w.now < w.heals && n.decided == nil:
			w.start(i)
		default:
			return
		}
		w.trouble(i)
	})
}

// lie tells somebody something about a round in which he may be.
func (w *network) lie(i int) {
	to := w.rng.IntN(len(w.nodes))
	r, _, _ := w.nodes[to].Round()
	v := signed(
		i,
		r+uint32(w.rng.IntN(3)),
		Phase(1+w.rng.IntN(2)),
		[]primitives.Hash{blockA, blockB, None, {'?'}}[w.rng.IntN(4)],
	)
	w.deliver(to, v)
}

func (w *network) delay() time.Duration {
	if w.now < w.heals {
		return time.Duration(w.rng.IntN(600)) * time.Millisecond
	}
	return time.Duration(w.rng.IntN(30)) * time.Millisecond
}

func (w *network) lost() bool { return w.now < w.heals && w.rng.IntN(3) == 0 }

func (w *network) deliver(to int, votes ...Signed) {
	if w.lost() {
		return
	}
	w.after(w.delay(), func() {
		for _, v := range votes {
			w.step(to, Received{Vote: v})
		}
	})
}

func (w *network) show(to int, p *Proof) {
	if !w.lost() {
		w.after(w.delay(), func() { w.step(to, Shown{Proof: p}) })
	}
}

// step feeds a node; one that has decided answers votes with its certificate.
func (w *network) step(i int, in Input) {
	n := w.nodes[i]
	if n.gone {
		return
	}
	if v, ok := in.(Received); ok && n.decided != nil && !n.liar && v.Vote.Validator != i {
		w.show(v.Vote.Validator, n.decided)
		return
	}
	w.perform(i, n.Step(in))
}

func (w *network) perform(i int, actions []Action) {
	n := w.nodes[i]
	life := n.life
	again := func(in Input) func() {
		return func() {
			if n.life == life {
				w.step(i, in)
			}
		}
	}
	for _, a := range actions {
		switch a := a.(type) {
		case Record:
			if v := (Signed{Vote: a.Vote}); !n.liar {
				if n.durable = append(n.durable, v); a.Proof != nil {
					n.proof = a.Proof
				}
				w.after(time.Millisecond, again(Recorded{Vote: v}))
			}
		case Send:
			for to := range w.nodes {
				if to != i {
					w.deliver(to, a.Votes...)
				}
			}
		case Show:
			for to := range w.nodes {
				w.show(to, a.Proof)
			}
		case Start:
			w.after(a.After, again(Timeout{Timer: a.Timer}))
		case Fetch:
			if a.Block == blockA || a.Block == blockB {
				w.after(w.delay(), again(Verified{Block: a.Block}))
			}
		case Build:
			w.after(w.delay(), again(Preferred{Block: blockA}))
		case Ask:
			for from, other := range w.nodes {
				if from != i && !other.gone && !w.lost() {
					w.deliver(i, other.Votes(a.Round)...)
				}
			}
		case Decide:
			n.decided = a.Certificate
		}
	}
}

func TestHonestValidatorsAgreeAndFinishWhateverLiarsDoAndWhateverIsLost(t *testing.T) {
	seeds := uint64(3000)
	if testing.Short() {
		seeds = 300
	}
	rounds, liars, gone := uint32(0), 0, 0
	for seed := range seeds {
		w := play(t, seed)
		if !w.run() {
			t.Fatalf("seed %d: not decided after an hour", seed)
		}
		var first *Proof
		for i, n := range w.nodes {
			switch {
			case n.liar:
				liars++
				continue
			case n.decided == nil:
				gone++
				continue
			}
			if first == nil {
				first = n.decided
			}
			if n.decided.Block != first.Block {
				t.Fatalf(
					"seed %d: validator %d decided %s, another one %s",
					seed,
					i,
					n.decided.Block.Short(),
					first.Block.Short(),
				)
			}
			if err := n.decided.Check(w.set, func(Signed) bool { return true }); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			rounds = max(rounds, n.decided.Round)
		}
	}
	t.Logf("%d seeds, %d liars, %d gone, at most %d rounds", seeds, liars, gone, rounds)
}

func TestACertificateHoldsOnlyAsItIs(t *testing.T) {
	set := setOf(t, 3, 1, 1, 1)
	good := Proof{
		Phase: Commit,
		Block: blockA,
		Round: 2,
		Votes: []Signature{{Validator: 0}, {Validator: 1}, {Validator: 3}},
	}
	of := func(voters ...int) Proof {
		p := Proof{Phase: Commit, Block: blockA}
		for _, v := range voters {
			p.Votes = append(p.Votes, Signature{Validator: v})
		}
		return p
	}
	all := func(Signed) bool { return true }
	if err := good.Check(set, all); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]Proof{
		"no block":       {Phase: Commit, Votes: good.Votes},
		"too little":     {Phase: Commit, Block: blockA, Votes: good.Votes[:2]},
		"nobody":         {Phase: Commit, Block: blockA},
		"twice":          of(0, 0),
		"not in order":   of(3, 1, 0),
		"a stranger":     of(0, 1, 4),
		"a negative one": of(-1, 0, 1),
	} {
		if c.Check(set, all) == nil {
			t.Errorf("%s: it holds", what)
		}
	}
	forged := func(v Signed) bool { return v.Validator != 1 || v.Block != blockA || v.Round != 2 || v.Phase != Commit }
	if good.Check(set, forged) == nil {
		t.Error("a forged signature holds")
	}
}
