package snowman

import "time"

// ahead bounds how often in a second it is checked what a validator has signed about heights and rounds that aren't
// counted yet. All that can be learnt of it is how far the network has gone on, and a validator signs such votes
// without end faster than they can be checked.
type ahead struct {
	since time.Time   // the second began
	of    map[int]int // checks in that second, by validator
}

// aheadPerSecond is more than a validator votes while it goes from one height or round to the next.
const aheadPerSecond = 64

// allows tells whether one more vote of a validator is to be checked, and counts it.
func (a *ahead) allows(validator int, now time.Time) bool {
	if a.of == nil || now.Sub(a.since) >= time.Second {
		a.since, a.of = now, make(map[int]int)
	}
	a.of[validator]++
	return a.of[validator] <= aheadPerSecond
}
