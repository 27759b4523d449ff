package engine

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// How many requests of peers' VMs this node's VM may owe an answer to. A VM that asks more of another one than this has
// the rest refused.
const (
	appsOfValidator = 64 // of one validator
	appsOfStranger  = 4  // of any other peer
	appsOfStrangers = 64 // of all of those together
)

// owed are the requests of peers' VMs that this node's VM has been given and hasn't answered. They are counted only:
// that each ends is the VM host's business. One is owed until its deadline at most, also when the peer has gone.
type owed struct {
	set *validators.Set
	of  map[primitives.NodeID][]debt // by validator; the zero id's are those of all others
}

func newOwed(set *validators.Set) owed {
	return owed{set: set, of: make(map[primitives.NodeID][]debt)}
}

type debt struct {
	peer  primitives.NodeID
	id    uint32
	until time.Time
}

// add owes one more. known: that is owed already. why: it can't be, since too much is.
func (o *owed) add(n primitives.NodeID, id uint32, now, until time.Time) (known bool, why string) {
	to, ofPeer, ofAll := o.creditor(n)
	debts := slices.DeleteFunc(o.of[to], func(d debt) bool { return !now.Before(d.until) })
	o.of[to] = debts
	ofThis := 0
	for _, d := range debts {
		if d.peer == n {
			ofThis++
			known = known || d.id == id
		}
	}
	switch {
	case known:
		return true, ""
	case ofThis >= ofPeer || len(debts) >= ofAll:
		return false, "too many requests are open"
	}
	o.of[to] = append(debts, debt{n, id, until})
	return false, ""
}

// paid is an answer by this node's VM.
func (o *owed) paid(n primitives.NodeID, id uint32) {
	to, _, _ := o.creditor(n)
	o.of[to] = slices.DeleteFunc(o.of[to], func(d debt) bool { return d.peer == n && d.id == id })
	if len(o.of[to]) == 0 {
		delete(o.of, to)
	}
}

// creditor is under whose name a peer's requests are kept, and how many it and that name may have.
func (o *owed) creditor(n primitives.NodeID) (to primitives.NodeID, ofPeer, ofAll int) {
	if _, validator := o.set.Index(n); validator {
		return n, appsOfValidator, appsOfValidator
	}
	return primitives.NodeID{}, appsOfStranger, appsOfStrangers
}
