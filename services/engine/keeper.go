package engine

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proof"
	"github.com/reevenet/reeve/internal/store/disk"
	store "github.com/reevenet/reeve/internal/store/evidence"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// The bounds of what waits to be written, and of what is remembered.
const (
	waitingOfPeer = evidenceAtOnce // pieces of one validator, and of all other peers together
	waitingOwn    = 64             // that this node has seen itself
	mostFaults    = 4096           // of which it is known that the disk has them, or has no room for them
)

// keeper writes evidence to the disk, one piece after the other. The disk has the last word on what is new; faults only
// spares it the question. A disk that fails is tried again for as long as something waits.
type keeper struct {
	sub  *subsystem.Sub
	disk disk.Disk
	dir  string
	kept func(*piece) // it is new and durable

	store   *store.Store // nil until it is open
	waiting []*piece     // the first is being written
	faults  map[fault]bool
	count   int    // of what is on the disk
	trouble string // why nothing can be written; empty: it can
	ended   func() // is called when nothing waits any more
	stopped bool
}

// piece is evidence that holds.
type piece struct {
	*evidence.Evidence
	against, from primitives.NodeID
	account       account
}

// fault is what one piece is kept for: more would say nothing new.
type fault struct {
	key    primitives.Hash
	height uint64
}

func faultOf(e *evidence.Evidence) fault {
	return fault{key: primitives.Hash(e.Key()), height: e.Place().Height}
}

// knows tells whether a piece says nothing new.
func (k *keeper) knows(e *evidence.Evidence) bool {
	f := faultOf(e)
	return k.faults[f] || slices.ContainsFunc(k.waiting, func(p *piece) bool { return faultOf(p.Evidence) == f })
}

// add has a piece written. False: its account has too many waiting.
func (k *keeper) add(p *piece) bool {
	if k.knows(p.Evidence) {
		return true
	}
	most := waitingOfPeer
	if p.account == itself {
		most = waitingOwn
	}
	for _, w := range k.waiting {
		if w.account == p.account {
			most--
		}
	}
	if most <= 0 {
		return false
	}
	if k.waiting = append(k.waiting, p); len(k.waiting) == 1 && k.store != nil {
		k.write()
	}
	return true
}

// open reads what is on the disk, and then writes what has come meanwhile.
func (k *keeper) open() {
	read := func() (*store.Store, error) { return store.Open(k.disk, k.dir) }
	subsystem.Offload(k.sub, read, func(s *store.Store, err error) {
		if err != nil {
			k.again(err, k.open)
			return
		}
		k.store, k.trouble, k.count = s, "", s.Len()
		k.write()
	})
}

// write writes what has waited longest, and then the next.
func (k *keeper) write() {
	if len(k.waiting) == 0 && k.ended != nil {
		k.ended()
	}
	if len(k.waiting) == 0 || k.stopped {
		return
	}
	type result struct {
		added bool
		count int
	}
	p := k.waiting[0]
	keep := func() (result, error) {
		added, err := k.store.Keep(p.Evidence)
		return result{added, k.store.Len()}, err
	}
	subsystem.Offload(k.sub, keep, func(r result, err error) {
		if err != nil {
			k.again(err, k.write)
			return
		}
		k.trouble, k.count = "", r.count
		k.wrote(p, r.added)
		k.write()
	})
}

func (k *keeper) wrote(p *piece, added bool) {
	k.waiting = k.waiting[1:]
	if len(k.faults) == mostFaults {
		clear(k.faults) // the disk still knows
	}
	k.faults[faultOf(p.Evidence)] = true
	if added {
		k.kept(p)
	}
}

// finish writes what waits, and the proof of another decision if there is one, and then ends; it ends all the same when
// the disk takes too long.
func (k *keeper) finish(other *proof.Proof, end func()) {
	k.sub.After(mostFinish, end)
	k.ended = func() {
		k.ended = nil
		keep := func() (struct{}, error) { return struct{}{}, store.KeepProof(k.disk, k.dir, other) }
		subsystem.Offload(k.sub, keep, func(_ struct{}, err error) {
			if err != nil {
				k.sub.Log.Warn("the other decision can't be kept", "err", err)
			}
			end()
		})
	}
	if len(k.waiting) == 0 {
		k.ended()
	}
}

// mostFinish is how long the disk may take to write down why the chain stops.
const mostFinish = 2 * time.Second

func (k *keeper) again(err error, do func()) {
	if k.trouble == "" {
		k.sub.Log.Warn("evidence can't be kept now; it will be tried again", "err", err)
	}
	k.trouble = err.Error()
	k.sub.After(evidenceRetry, func() {
		if !k.stopped {
			do()
		}
	})
}

const evidenceRetry = time.Second
