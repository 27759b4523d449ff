package bench

import "fmt"

// Bound is one side of a target: at most or at least so much. The zero Bound binds nothing.
type Bound struct {
	kind  boundKind
	limit float64
}

type boundKind byte

const (
	unbound boundKind = iota
	atMost
	atLeast
)

// AtMost is for what costs: latency, CPU, memory.
func AtMost(limit float64) Bound { return Bound{atMost, limit} }

// AtLeast is for what is gained: messages or transactions per second.
func AtLeast(limit float64) Bound { return Bound{atLeast, limit} }

// Holds says whether a value is within the bound.
func (b Bound) Holds(value float64) bool {
	switch b.kind {
	case atMost:
		return value <= b.limit
	case atLeast:
		return value >= b.limit
	default:
		return true
	}
}

func (b Bound) text(unit string) string {
	switch b.kind {
	case atMost:
		return fmt.Sprintf("≤ %s%s", trim(b.limit), unit)
	case atLeast:
		return fmt.Sprintf("≥ %s%s", trim(b.limit), unit)
	default:
		return ""
	}
}

// Target is what a figure has to reach (Floor) and what would be good (Aim).
type Target struct {
	Floor, Aim Bound
}
