package primitives

// The parachain host's thresholds, and how its groups of validators rotate over the cores. Consensus uses none of them:
// its quorums are those of snowball.Parameters.

// Byzantine is the largest number of faulty validators, of n equal ones, that the protocol tolerates: floor((n-1)/3).
func Byzantine(n int) int {
	if n <= 0 {
		return 0
	}
	return (n - 1) / 3
}

// Supermajority is the least number of validators, of n, whose agreement two disjoint honest sets can't both have:
// n - floor((n-1)/3), so 0,1,2,3,3,4,5,5 for n = 0..7.
func Supermajority(n int) int { return n - Byzantine(n) }

// BackingQuorum is the number of a group's members that must attest a candidate: more than half of them.
func BackingQuorum(group int) int { return group/2 + 1 }

// Rotation says how the groups rotate over the cores: since block Start, the session's first, one step every Frequency
// blocks. A Frequency of zero means that they don't rotate. After s steps core c is served by group (c + s) mod n, so
// groups move to lower cores.
type Rotation struct {
	Start, Frequency, Now uint64
}

func (r Rotation) shift(n uint32) uint64 {
	if r.Frequency == 0 || r.Now < r.Start {
		return 0
	}
	return (r.Now - r.Start) / r.Frequency % uint64(n)
}

// GroupForCore returns which of n groups is assigned to the core, of as many, at block r.Now; false: there is no such
// core.
func (r Rotation) GroupForCore(core, n uint32) (group uint32, ok bool) {
	if core >= n {
		return 0, false
	}
	return uint32((uint64(core) + r.shift(n)) % uint64(n)), true
}

// CoreForGroup is the inverse of GroupForCore; false: there is no such group.
func (r Rotation) CoreForGroup(group, n uint32) (core uint32, ok bool) {
	if group >= n {
		return 0, false
	}
	return uint32((uint64(group) + uint64(n) - r.shift(n)) % uint64(n)), true
}
