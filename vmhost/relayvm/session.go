package relayvm

import (
	"encoding/binary"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

// keptSets is of how many sessions before the current one the validators are known, to judge what they have signed.
const keptSets = 8

const seedDomain = "reeve relay session\x00"

// scheduling is what the scheduler begins the current session with.
func (w *world) scheduling(seed primitives.Hash) scheduler.Session {
	n := scheduler.Session{
		Params: w.config.Active.params(), Start: w.session.Start, Seed: seed,
		Validators: uint32(len(w.session.Validators)),
	}
	for _, p := range w.paras {
		if p.Kind == Parachain {
			n.Parachains = append(n.Parachains, p.ID)
		}
	}
	return n
}

// nextSession begins one if it begins with the block after the one at the height: with the configuration and validators
// that were staged, new groups, and empty cores, since nobody of the new set has voted for what was there. The seed
// follows from the consensus block below, which is decided by others than who is shuffled.
func (w *world) nextSession(height uint64, below primitives.Hash) {
	if height+1-w.session.Start < w.config.Active.SessionLength {
		return
	}
	w.sets = append(w.sets[max(0, len(w.sets)-keptSets+1):len(w.sets):len(w.sets)], validatorSet{
		Session: w.session.Index, Validators: w.session.Validators,
	})
	next := session{Index: w.session.Index + 1, Start: height + 1, Validators: w.session.Validators}
	if w.session.Next != nil {
		next.Validators = w.session.Next
	}
	if w.config.Next != nil {
		w.config = &settings{Active: *w.config.Next}
		w.touch(keyConfig)
	}
	w.session = &next
	seed := primitives.HashOf([]byte(seedDomain), below[:], binary.BigEndian.AppendUint32(nil, next.Index))
	w.cores = scheduler.Begin(w.cores, w.scheduling(seed))
	for para := range w.pending {
		w.setPending(para, nil)
	}
	w.touch(keySession)
	w.touch(keySets)
}

// validators are those of a session; nil: it is too old, or hasn't been.
func (w *world) validators(session uint32) []Validator {
	if session == w.session.Index {
		return w.session.Validators
	}
	for _, s := range w.sets {
		if s.Session == session {
			return s.Validators
		}
	}
	return nil
}
