package addrbook

import (
	"maps"
	"slices"
	"time"
)

// What one teller can make this node do: remember so many addresses that nobody has answered at yet, and make so many
// calls to such, so that a peer can't have it call all the world.
const (
	maxTold    = 64
	callsTold  = 8                // at once
	callAgain  = 10 * time.Second // one more each time
	maxTries   = 3                // of one address
	maxTellers = 4096
)

// Teller is who says where a node may be called.
type Teller struct {
	// Name is under whose name it is counted: that of the peer, or of the network that it calls from.
	Name string
	// Itself: the node speaks of itself.
	Itself bool
}

// teller is what is remembered of one.
type teller struct {
	told  int // addresses of the book that are on its word alone
	calls int // that it may cause now
	since time.Time
}

// teller finds a teller's account. Nil: there are too many.
func (b *Book) teller(name string, now time.Time) *teller {
	t := b.tellers[name]
	if t == nil {
		if len(b.tellers) >= maxTellers {
			maps.DeleteFunc(b.tellers, func(_ string, t *teller) bool {
				t.refill(now)
				return t.told == 0 && t.calls == callsTold
			})
		}
		if len(b.tellers) >= maxTellers {
			return nil
		}
		t = &teller{calls: callsTold, since: now}
		b.tellers[name] = t
	}
	t.refill(now)
	return t
}

func (t *teller) refill(now time.Time) {
	more := int(max(0, now.Sub(t.since)) / callAgain)
	t.since = t.since.Add(time.Duration(more) * callAgain)
	if t.calls = min(callsTold, t.calls+more); t.calls == callsTold {
		t.since = now
	}
}

// place is an address of a node, and why it is believed.
type place struct {
	at    string
	named bool // by an operator, or the genesis
	good  bool // the node has answered there
	from  *teller
	tries int
}

func (p place) sure() bool { return p.named || p.good }

// free takes a place off its teller's account.
func (p place) free() {
	if p.from != nil {
		p.from.told--
	}
}

// add takes a place in: those that are sure stand before the others, which make room for them.
func (e *entry) add(p place) {
	at := len(e.places)
	if p.sure() {
		at = slices.IndexFunc(e.places, func(o place) bool { return !o.named && (p.named || !o.good) })
		if at < 0 {
			at = len(e.places)
		}
	}
	e.places = slices.Insert(e.places, at, p)
	for _, gone := range e.places[min(len(e.places), MaxAddresses):] {
		gone.free()
	}
	e.places = e.places[:min(len(e.places), MaxAddresses)]
}

func (e *entry) find(at string) *place {
	for i := range e.places {
		if e.places[i].at == at {
			return &e.places[i]
		}
	}
	return nil
}

// drop takes places out.
func (e *entry) drop(which func(place) bool) {
	e.places = slices.DeleteFunc(e.places, func(p place) bool {
		gone := which(p)
		if gone {
			p.free()
		}
		return gone
	})
}

// callable tells whether there is an address that may be called now.
func (e *entry) callable(now time.Time) bool {
	return slices.ContainsFunc(e.places, func(p place) bool {
		if p.from != nil {
			p.from.refill(now)
		}
		return p.sure() || p.from.calls > 0
	})
}

// call lists where the node is to be called, at its tellers' expense.
func (e *entry) call() (at []string) {
	for i := range e.places {
		p := &e.places[i]
		if !p.sure() {
			if p.from.calls == 0 {
				continue
			}
			p.from.calls--
			p.tries++
		}
		at = append(at, p.at)
	}
	return at
}
