package validators

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// CensusUnits is the largest number of units for which a poll asks everybody. The same number as the sample of a large
// set, so a poll never weighs more.
const CensusUnits = 20

// nearly is what of all stake, as a divisor of it, is too little to make a difference: a hundredth.
const nearly = 100

// unitsOf counts the stakes in units. Equal stakes of a small set become one unit each, so that a poll can ask all of
// them exactly once. A small set with uneven stakes gets as few units as tell the stakes apart, CensusUnits at most,
// shared out by largest remainder; so stakes that are nearly equal are counted as equal ones. A larger set is counted
// in shares of the least common measure, cut down to 2^30 where that is needed.
func unitsOf(members []Validator, total uint64) ([]int, int) {
	g := members[0].Stake
	for _, v := range members[1:] {
		g = gcd(g, v.Stake)
	}
	switch {
	case total/g <= CensusUnits:
		return divide(members, g)
	case len(members) <= CensusUnits:
		return roughly(members, total)
	case total/g <= 1<<30:
		return divide(members, g)
	}
	return apportion(members, total, 1<<30)
}

func divide(members []Validator, by uint64) (units []int, sum int) {
	for _, v := range members {
		units = append(units, int(v.Stake/by))
		sum += int(v.Stake / by)
	}
	return units, sum
}

// roughly shares out the smallest number of units with which nobody's part is farther from its stake than with the
// best number, or farther by next to nothing.
func roughly(members []Validator, total uint64) ([]int, int) {
	var errors [CensusUnits + 1]float64
	best := 1.0
	for n := 1; n <= CensusUnits; n++ {
		units, _ := apportion(members, total, uint64(n))
		errors[n] = farthest(members, total, units, n)
		best = min(best, errors[n])
	}
	n := 1
	for errors[n] > best+1.0/nearly {
		n++
	}
	return apportion(members, total, uint64(n))
}

// farthest is the greatest difference between a validator's part of the stake and of the units.
func farthest(members []Validator, total uint64, units []int, sum int) (most float64) {
	for i, v := range members {
		most = max(most, math.Abs(float64(v.Stake)/float64(total)-float64(units[i])/float64(sum)))
	}
	return most
}

// apportion shares units out in proportion to the stakes; those left over go to the largest remainders, to the lower
// index among equals. A validator with very little stake may get none: it is then never asked.
func apportion(members []Validator, total, share uint64) ([]int, int) {
	units := make([]int, len(members))
	rest := make([]uint64, len(members))
	order := make([]int, len(members))
	left := int(share)
	for i, v := range members {
		hi, lo := bits.Mul64(v.Stake, share)
		quo, rem := bits.Div64(hi, lo, total)
		units[i], rest[i], order[i] = int(quo), rem, i
		left -= int(quo)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rest[b], rest[a]) })
	for _, i := range order[:left] {
		units[i]++
	}
	return units, int(share)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
