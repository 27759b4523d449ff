package availability

import "time"

// Limits are how much a store keeps.
type Limits struct {
	// Bytes of data and chunks.
	Bytes int64
	// Candidates of which something is known; each takes some hundred bytes of memory, and a bit for each validator.
	Candidates int
}

// proposedShare is the part of the limits, as a divisor of them, that candidates may take that no block has backed:
// collators bring those, and anybody may be a collator.
const proposedShare = 4

// promised is for how long what a block has backed goes for nothing else: this node may have signed that it holds its
// chunk, and a block that includes it may be on its way.
const promised = 10 * time.Minute

// amount is a number of candidates and of bytes.
type amount struct {
	count int
	bytes int64
}

func (a *amount) add(count int, bytes int64) { a.count, a.bytes = a.count+count, a.bytes+bytes }

// over tells by which of the two an amount is above a limit.
func (a amount) over(l Limits) (count, bytes bool) { return a.count > l.Candidates, a.bytes > l.Bytes }

// Used is the number of candidates and of bytes in a state.
func (s *Store) Used(in State) (candidates int, bytes int64) {
	return s.used[in].count, s.used[in].bytes
}

// sacrifices are the states of candidates that go to make room for one of a state, first to last. First goes what is
// final, which the chain itself doesn't need any more; then what may never come onto it; then what came onto a core so
// long ago that it won't be included. What is included and not final never goes: the chain is built on it.
var sacrifices = [states][]State{
	Proposed:    {Finalized, Proposed},
	Backed:      {Finalized, Proposed, Backed},
	Unfinalized: {Finalized, Proposed, Backed},
	Finalized:   {Finalized},
}

// makeRoom drops what has to go so that a candidate can have so much more. Of those in its own state only the ones that
// came into it earlier go. When all that may go isn't enough, nothing does, and there is no room.
func (s *Store) makeRoom(c *candidate, more amount) (dropped []Action, ok bool) {
	p := plan{store: s, newcomer: c, going: map[*candidate]bool{}}
	if c.State == Proposed {
		share := Limits{s.limits.Bytes / proposedShare, s.limits.Candidates / proposedShare}
		if !p.fit(p.sum(Proposed), more, share, []State{Proposed}) {
			return nil, false
		}
	}
	if !p.fit(p.sum(Proposed, Backed, Unfinalized, Finalized), more, s.limits, sacrifices[c.State]) {
		return nil, false
	}
	for _, victim := range p.order {
		dropped = append(dropped, s.forget(victim))
	}
	return dropped, true
}

// plan is which candidates are to go.
type plan struct {
	store    *Store
	newcomer *candidate
	going    map[*candidate]bool
	order    []*candidate
}

// sum is what is used in some states, without what is to go.
func (p *plan) sum(of ...State) (sum amount) {
	for _, st := range of {
		sum.add(p.store.used[st].count, p.store.used[st].bytes)
	}
	for _, victim := range p.order { // which is of these states, whichever they are
		sum.add(-1, -victim.Bytes)
	}
	return sum
}

// fit lets candidates go until what is used, and more, is within limits.
func (p *plan) fit(used, more amount, l Limits, sacrifice []State) bool {
	used.add(more.count, more.bytes)
	for _, st := range sacrifice {
		for e := p.store.lines[st].Front(); e != nil && p.mayGo(e.Value.(*candidate)); e = e.Next() {
			count, bytes := used.over(l)
			if !count && !bytes {
				return true
			}
			victim := e.Value.(*candidate)
			if p.going[victim] || !count && victim.Bytes == 0 {
				continue
			}
			p.going[victim] = true
			p.order = append(p.order, victim)
			used.add(-1, -victim.Bytes)
		}
	}
	count, bytes := used.over(l)
	return !count && !bytes
}

// mayGo tells whether a candidate may go for the newcomer; if not so, those after it in its line may neither.
func (p *plan) mayGo(c *candidate) bool {
	return c != p.newcomer && (c.State != Backed || p.store.age-c.Since >= promised)
}
