package validators

import (
	"cmp"
	"math/big"
	"math/bits"
	"slices"
)

// CensusUnits is the largest number of units for which a poll asks everybody. The same number as the sample of a large
// set, so a poll never weighs more.
const CensusUnits = 20

// unitsOf counts the stakes in units. Equal stakes of a small set become one unit each, so that a poll can ask all of
// them exactly once. A small set with uneven stakes gets CensusUnits units, shared out by largest remainder. A larger
// set is counted in shares of the least common measure, cut down to 2^30 where that is needed.
func unitsOf(members []Validator, total uint64) ([]int, int) {
	g := members[0].Stake
	for _, v := range members[1:] {
		g = gcd(g, v.Stake)
	}
	switch {
	case total/g <= CensusUnits:
		return divide(members, g)
	case len(members) <= CensusUnits:
		return apportion(members, total, CensusUnits)
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

// AtLeast tells whether stake/total is num/den or more, without overflow.
func AtLeast(stake, total uint64, num, den int) bool {
	l := new(big.Int).Mul(new(big.Int).SetUint64(stake), big.NewInt(int64(den)))
	r := new(big.Int).Mul(new(big.Int).SetUint64(total), big.NewInt(int64(num)))
	return l.Cmp(r) >= 0
}
