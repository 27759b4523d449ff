package tree

// Settled tells whether the outstanding units of a poll could still change what Record will make of it; and, if they can't, whether
// they could still make it unanimous, which decides in fewer polls.
func (t *Tree) Settled(votes []Vote, outstanding int) (settled, unanimous bool) {
	p := &t.params
	open := func(have, need int) bool { return have < need && have+outstanding >= need }
	if outstanding >= p.AlphaPreference {
		return false, false
	}
	t.count(votes)
	for _, n := range t.order {
		if n.votes == 0 {
			continue
		}
		if open(n.votes, p.AlphaPreference) || open(n.votes, p.AlphaConfidence) {
			return false, false
		}
		unanimous = unanimous || p.BetaUnanimous > 0 && open(n.votes, p.K)
	}
	return true, unanimous
}
