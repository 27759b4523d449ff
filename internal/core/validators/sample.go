package validators

import "math/rand/v2"

// Draw is one validator of a sample and the number of its units that were drawn.
type Draw struct {
	Index int
	Units int
}

// Sample draws k units of stake without replacement, and returns who owns them, in the order of indices. When k is all
// there is, that is everybody, with the full weight, and no chance is used.
func (s *Set) Sample(rng *rand.Rand, k int) []Draw {
	if k >= s.sum {
		return s.all()
	}
	drawn := make(map[int]struct{}, k)
	counts := make([]int, len(s.members))
	// Floyd's algorithm: k distinct numbers below sum, each set equally likely, in k draws.
	for j := s.sum - k; j < s.sum; j++ {
		u := rng.IntN(j + 1)
		if _, taken := drawn[u]; taken {
			u = j
		}
		drawn[u] = struct{}{}
		counts[s.owner(u)]++
	}
	return draws(counts)
}

func (s *Set) all() []Draw { return draws(s.units) }

func draws(counts []int) []Draw {
	out := make([]Draw, 0, len(counts))
	for i, n := range counts {
		if n > 0 {
			out = append(out, Draw{Index: i, Units: n})
		}
	}
	return out
}

// owner finds whose unit number u is, by bisection over the running sums.
func (s *Set) owner(u int) int {
	lo, hi := 0, len(s.ends)-1
	for lo < hi {
		if mid := (lo + hi) / 2; u < s.ends[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

func runningSums(units []int) []int {
	ends := make([]int, len(units))
	sum := 0
	for i, n := range units {
		sum += n
		ends[i] = sum
	}
	return ends
}
