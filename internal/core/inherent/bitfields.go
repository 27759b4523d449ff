package inherent

import (
	"cmp"
	"slices"
)

// bitfieldOrder is by validator, and of one validator what says most that is new first.
func (j *judge) bitfieldOrder(of []Bitfield) []int {
	news := make([]int, len(of))
	for i := range of {
		news[i] = j.news(&of[i])
	}
	order := places(len(of))
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(of[a].Validator, of[b].Validator), cmp.Compare(news[b], news[a]))
	})
	return order
}

// news is how many candidates a bitfield says something new of, if it can be there at all.
func (j *judge) news(b *Bitfield) (n int) {
	if j.form(b) != 0 {
		return 0
	}
	for _, core := range b.Cores.Ones() {
		if !j.votes[core].Has(b.Validator) && !j.known[core] {
			n++
		}
	}
	return n
}

func (j *judge) bitfields(of []Bitfield, order []int) {
	for _, i := range order {
		b := &of[i]
		if why := j.bitfield(i, b); why != 0 {
			if j.leave(false, i, why); j.over() {
				return
			}
			continue
		}
		j.chosen.Bitfields = append(j.chosen.Bitfields, i)
		j.bytes += b.Size
		j.last = int(b.Validator)
	}
	for _, i := range j.chosen.Bitfields { // what is new is so for all of them
		for _, core := range of[i].Cores.Ones() {
			j.votes[core].Set(of[i].Validator)
		}
	}
}

// bitfield is why one can't follow those that have passed.
func (j *judge) bitfield(i int, b *Bitfield) Reason {
	if why := j.form(b); why != 0 {
		return why
	}
	switch {
	case int(b.Validator) == j.last:
		return Superseded
	case int(b.Validator) < j.last:
		return OutOfOrder
	case j.news(b) == 0:
		return NothingNew
	}
	if why := j.room(len(j.chosen.Bitfields), j.ctx.Limits.Bitfields, b.Size); why != 0 {
		return why
	}
	return j.signed(b.Validator, func() bool { return j.ctx.Signatures.Bitfield(i) })
}

// form is what is wrong with one, whatever comes before it.
func (j *judge) form(b *Bitfield) Reason {
	switch {
	case !b.Cores.Canonical():
		return MalformedBits
	case int(b.Cores.Length) != len(j.ctx.Cores):
		return WrongLength
	case b.Validator >= j.ctx.Validators:
		return UnknownValidator
	case slices.ContainsFunc(b.Cores.Ones(), func(core uint32) bool { return j.ctx.Cores[core].Occupied == nil }):
		return UnoccupiedCore
	}
	return 0
}
