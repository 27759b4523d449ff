package snowman

import "time"

// Something waits for a block, and nobody makes one: the state in which nothing is wrong with any block, since there is
// none.

// waits tells whether something waits for a block. A VM that calls for one, then has nothing for it and calls again
// still has something that waits.
func (b *building) waits(now time.Time) bool {
	return b.pending || b.busy || b.empties > 0 && now.Sub(b.emptyAt) <= emptyLasts
}

// moved: a block was built here, or one of anybody was issued or decided.
func (b *building) moved() { b.still = b.now }

// StandsStillFor is how long something has waited for a block while none was built here, and none of anybody was issued
// or decided. Zero for who makes no blocks.
func (c *Core) StandsStillFor(now time.Time) time.Duration {
	if b := c.building; b.roster.own >= 0 && b.waits(now) {
		return now.Sub(b.still)
	}
	return 0
}
