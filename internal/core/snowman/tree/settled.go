package tree

// Outlook is what the votes that are still missing from a poll could change.
type Outlook int

const (
	// Open: whether some block gets a majority, or enough for confidence, isn't decided.
	Open Outlook = iota
	// Tied: no rival can get a majority any more, and who moves where depends on every vote that can be had.
	Tied
	// Closed: nothing.
	Closed
)

// Judge says what the outstanding units of a poll could still change of what Record will make of it.
func (t *Tree) Judge(votes []Vote, outstanding int) Outlook {
	p := &t.params
	open := func(have, need int) bool { return have < need && have+outstanding >= need }
	if outstanding >= p.AlphaPreference {
		return Open
	}
	t.count(votes)
	for _, n := range t.order {
		if n.votes == 0 {
			continue
		}
		if open(n.votes, p.AlphaPreference) || open(n.votes, p.AlphaConfidence) {
			return Open
		}
	}
	if t.tied() {
		return Tied
	}
	return Closed
}

// tied tells whether the next block to be decided has a rival, and neither has a majority. Ties further up can wait.
func (t *Tree) tied() bool {
	for _, c := range t.root.children {
		if c.votes >= t.params.AlphaPreference {
			return false
		}
	}
	return len(t.root.children) > 1
}
