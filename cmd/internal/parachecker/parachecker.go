// Package parachecker holds what happens in a network with a relay chain against the invariants of the parachain host.
// It is told events, by a simulation or by somebody who watches a live network, and tells of each that doesn't hold. It
// is pure: it asks nobody, has no clock, and needs the validators of one network and which of them are honest.
//
//	    what must hold                                                  is checked with
//	P1  a candidate in a block has its group's quorum of signatures     Accepted, Proposed
//	P2  no honest validator seconds two candidates of a relay parent,   Said; what blocks have counts too
//	    says two things of one, or signs two bitfields of one           Said, Claimed, Accepted
//	P3  what is included was claimed by more than two thirds, signed    Accepted
//	P4  a chunk that an honest validator claims is there, and proves    Claimed, then Due and Read
//	P5  what was acknowledged is there, whatever has crashed since      Stored and Said, then Due and Read
//	P6  any chunks, if enough, make the same data with the same root    Accepted, then Recovered
//	P7  what is included is valid, and all honest say the same of it    Accepted, Said, Judged, then Recovered
//	P8  an offence is recorded once, and none of an honest validator    Accepted, Reported
//	P9  no block has an item that is wrong, twice there, or at odds     Accepted, Proposed
//	P10 nobody works on a relay parent after its end                    Stopped, Started and Worked
//	P11 a dispute that has ended one way doesn't end the other          Concluded; see below
//	P12 code runs in a sandbox alone                                    Ran; see below
//
// What the checker can't know: whether a candidate was made on the validation data of the relay parent is the VM's to
// say, as is which block follows which. P11: the relay chain records disputes and doesn't conclude them yet. What it
// does conclude is a disagreement in a group, once a quorum has outvoted the rest, and these conclusions are what
// Accepted checks; Concluded is there for those who watch disputes. P12: who runs code tells of each worker what guards
// it. A simulation runs no code in workers, so it can say nothing about P12; with real nodes it is the status of
// candidate-validation that tells.
//
// Due lists what must be readable; whoever can read it does so, when he likes and as often as he likes, and tells Read.
// So P4 and P5 hold as well as somebody looks.
package parachecker

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
)

// Config is what a checker needs to know beforehand.
type Config struct {
	// Honest tells of a validator, by its index, whether it is: what the others do is no violation.
	Honest func(validator uint32) bool
	// InFlight is how long work may go on after its relay parent's end, because of what was under way: a second in a
	// network whose processes run.
	InFlight time.Duration
	// Validate runs a para's code: its outputs, or an error that says why it is invalid. Nil: P7 is checked by what
	// validators say alone.
	Validate func(code primitives.Hash, params []byte) (outputs []byte, err error)
	// Violated is told what doesn't hold.
	Violated func(invariant, what string)
}

// Checker holds what it is told against the invariants. One goroutine may use it.
type Checker struct {
	cfg    Config
	facts  map[primitives.Hash]*Facts // by relay parent
	coders map[int]*erasure.Coder
	// accepted are the relay chain's blocks: what is proposed beside them has another past.
	accepted map[primitives.Hash]bool

	candidates map[primitives.Hash]*fate
	words      words
	duties     duties
	offences   offences
	stops      map[place]time.Duration
}

// fate is what is known of a candidate.
type fate struct {
	hash       primitives.Hash
	receipt    *candidate.Receipt // nil: only its hash is known
	validators int                // of its relay parent's session, once it was on a core
	claims     map[uint32]bool    // by blocks' bitfields
	included   bool
	said       map[bool]int // an honest validator that has judged it so
	concluded  *bool
}

// New makes a checker that knows nothing yet.
func New(cfg Config) *Checker {
	return &Checker{
		cfg: cfg, facts: map[primitives.Hash]*Facts{}, coders: map[int]*erasure.Coder{},
		accepted:   map[primitives.Hash]bool{},
		candidates: map[primitives.Hash]*fate{},
		words: words{
			seconded: map[slot]statements.Signed{}, said: map[subject]statements.Signed{}, bits: map[slot]string{},
		},
		duties:   duties{open: map[Duty]bool{}},
		offences: offences{seen: map[primitives.Hash]uint64{}, charged: map[charge]uint64{}},
		stops:    map[place]time.Duration{},
	}
}

func (c *Checker) violate(invariant, format string, args ...any) {
	c.cfg.Violated(invariant, fmt.Sprintf(format, args...))
}

// fate is a candidate's, from when it was first heard of.
func (c *Checker) fate(hash primitives.Hash) *fate {
	f := c.candidates[hash]
	if f == nil {
		f = &fate{hash: hash, claims: map[uint32]bool{}, said: map[bool]int{}}
		c.candidates[hash] = f
	}
	return f
}

func (c *Checker) coder(n int) *erasure.Coder {
	if c.coders[n] == nil {
		coder, err := erasure.New(erasure.CodecFor(n), n)
		if err != nil {
			c.violate("P6", "there is no code for %d validators: %v", n, err)
			return nil
		}
		c.coders[n] = coder
	}
	return c.coders[n]
}

// key is a validator's in the session of a relay parent; nil: there is no such validator.
func (f *Facts) key(validator uint32) ed25519.PublicKey {
	if int64(validator) >= int64(len(f.Validators)) {
		return nil
	}
	return f.Validators[validator]
}
