package finality

// Quorum is the least stake that is strictly more than two thirds of total. Two quorums share more than a third of the
// stake.
func Quorum(total uint64) uint64 { return total - ceilThird(total) + 1 }

// Third is the least stake that is strictly more than a third of total: with less than a third faulty, one of its
// holders is honest.
func Third(total uint64) uint64 { return total/3 + 1 }

func ceilThird(n uint64) uint64 {
	if n%3 == 0 {
		return n / 3
	}
	return n/3 + 1
}
