package history

import "github.com/reevenet/reeve/internal/core/finality"

// Window is of how many certificates it is counted who isn't in them.
const Window = 1000

// Absences counts, for each validator, how many of the last certificates it hasn't signed. A certificate holds the
// votes of a quorum, the first that were seen; so who is well and slow, or far away, is missing from some, and who is
// gone from all.
type Absences struct {
	count []int
	ring  [][]bool // who has signed, by certificate
	next  int      // where the next certificate goes when the ring is full
}

// NewAbsences counts for so many validators.
func NewAbsences(validators int) *Absences { return &Absences{count: make([]int, validators)} }

// Add counts one more certificate, and forgets the oldest of too many.
func (a *Absences) Add(p *finality.Proof) {
	signed := make([]bool, len(a.count))
	for _, s := range p.Votes {
		signed[s.Validator] = true
	}
	if len(a.ring) < Window {
		a.ring = append(a.ring, signed)
	} else {
		a.change(a.ring[a.next], -1)
		a.ring[a.next] = signed
		a.next = (a.next + 1) % Window
	}
	a.change(signed, 1)
}

func (a *Absences) change(signed []bool, by int) {
	for i, yes := range signed {
		if !yes {
			a.count[i] += by
		}
	}
}

// Counts are the absences by validator, and of how many certificates.
func (a *Absences) Counts() (missing []int, certificates int) { return a.count, len(a.ring) }
