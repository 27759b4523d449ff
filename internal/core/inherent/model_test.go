package inherent

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

// chain is a scheduler some blocks old, and what may be said of it.
type chain struct {
	*scheduler.State
	height uint64
}

func drawChain(t *rapid.T) chain {
	paras := []uint32{}
	for p := range rapid.Uint32Range(0, 3).Draw(t, "paras") {
		paras = append(paras, p)
	}
	period := rapid.Uint64Range(1, 5)
	c := chain{height: 1, State: scheduler.Begin(nil, scheduler.Session{
		Params: scheduler.Params{
			RotationFrequency: rapid.Uint64Range(0, 5).Draw(t, "frequency"), ChainPeriod: period.Draw(t, "chain"),
			ThreadPeriod: period.Draw(t, "thread"), ThreadCores: rapid.Uint32Range(0, 2).Draw(t, "threads"),
			ThreadRetries: 3, Lookahead: 2,
		},
		Validators: rapid.Uint32Range(1, 7).Draw(t, "validators"), Parachains: paras,
	})}
	for range rapid.IntRange(0, 4).Draw(t, "claims") {
		_ = c.Claim(rapid.Uint32Range(0, 7).Draw(t, "para"), primitives.Hash{}) // some are refused
	}
	return c
}

func (c chain) context() *Context {
	return &Context{
		Height: c.height, Validators: c.Validators, Cores: c.CoreStates(c.height), Groups: c.Groups,
		RelayParents: []primitives.Hash{hash("parent")},
		ValidationData: func(para uint32, a Assumption, _ primitives.Hash) (primitives.Hash, bool) {
			return data(para, a), true
		},
		Signatures: signatures{checked: new(int)},
		Limits:     Limits{Bitfields: 100, Candidates: 100, Bytes: 1 << 20},
	}
}

// drawOffer is bitfields and candidates most of which make sense.
func drawOffer(t *rapid.T, ctx *Context) (in Inherent) {
	cores := uint32(len(ctx.Cores))
	for range rapid.IntRange(0, 12).Draw(t, "bitfields") {
		said := rapid.SliceOfN(rapid.Uint32Range(0, max(cores, 1)-1), 0, 4).Draw(t, "said")
		by := rapid.Uint32Range(0, ctx.Validators).Draw(t, "validator")
		in.Bitfields = append(in.Bitfields, Bitfield{Validator: by, Cores: primitives.NewBits(cores, said...)})
	}
	for range rapid.IntRange(0, 10).Draw(t, "candidates") {
		para := rapid.Uint32Range(0, 8).Draw(t, "para")
		c := backed(para, Assumption(rapid.IntRange(1, 3).Draw(t, "assumption")))
		if rapid.IntRange(0, 9).Draw(t, "old") == 0 {
			c.RelayParent = hash("old")
		}
		c.Upgrade = rapid.IntRange(0, 3).Draw(t, "upgrade") == 0
		group := rapid.SampledFrom(append([][]uint32{{}}, ctx.Groups...)).Draw(t, "group")
		c.Voters = primitives.NewBits(uint32(len(group)))
		for i := range group {
			if rapid.IntRange(0, 3).Draw(t, "votes") > 0 {
				c.Voters.Set(uint32(i))
			}
		}
		c.Votes = c.Voters.Count()
		in.Candidates = append(in.Candidates, c)
	}
	return in
}

// slow is a choice made as one would explain it, without any order of checks: validator by validator the acceptable
// bitfield with the most news, then core by core the first acceptable candidate.
func slow(c chain, ctx *Context, in Inherent) (bitfields, candidates []int, cores []uint32) {
	after := c.Clone()
	var votes []scheduler.Vote
	for v := range ctx.Validators {
		if best := slowBitfield(ctx, in.Bitfields, v); best >= 0 {
			bitfields = append(bitfields, best)
			votes = append(votes, scheduler.Vote{Validator: v, Cores: in.Bitfields[best].Cores})
		}
	}
	available, timedOut := after.Open(c.height, votes)
	upgraded := false
	for core, st := range after.CoreStates(c.height) {
		for i, cand := range in.Candidates {
			if st.Scheduled == nil || cand.Para != st.Scheduled.Para || upgraded && cand.Upgrade ||
				cand.RelayParent != hash("parent") ||
				cand.ValidationData != data(cand.Para, was(uint32(core), cand.Para, available, timedOut)) ||
				int(cand.Voters.Length) != len(ctx.Groups[st.Group]) || 2*cand.Votes <= len(ctx.Groups[st.Group]) {
				continue
			}
			candidates, cores = append(candidates, i), append(cores, uint32(core))
			upgraded = upgraded || cand.Upgrade
			break
		}
	}
	return bitfields, candidates, cores
}

// slowBitfield is the acceptable one of a validator with the most news; below zero: there is none.
func slowBitfield(ctx *Context, of []Bitfield, validator uint32) int {
	best, most := -1, 0
	for i, b := range of {
		news, ok := 0, b.Validator == validator
		for core, st := range ctx.Cores {
			says := b.Cores.Has(uint32(core))
			ok = ok && (!says || st.Occupied != nil)
			if says && st.Occupied != nil && !st.Occupied.Votes.Has(validator) {
				news++
			}
		}
		if ok && news > most {
			best, most = i, news
		}
	}
	return best
}

// was is what became of the para's candidate on the core.
func was(core, para uint32, available, timedOut []scheduler.Freed) Assumption {
	is := func(f scheduler.Freed) bool { return f.Core == core && f.Para == para }
	switch {
	case slices.ContainsFunc(available, is):
		return Included
	case slices.ContainsFunc(timedOut, is):
		return TimedOut
	}
	return Free
}

// TestWhatIsSelectedIsWhatASlowModelSelectsAndPassesEverywhere goes through the blocks of a chain: what an author
// selects must be the model's choice, pass the check of everybody else, and be accepted by the scheduler; and all that
// is on offer is either in, or left out with a reason.
func TestWhatIsSelectedIsWhatASlowModelSelectsAndPassesEverywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawChain(t)
		for ; c.height < 8; c.height++ {
			ctx := c.context()
			offered := drawOffer(t, ctx)
			s := Select(ctx, offered)
			bitfields, candidates, cores := slow(c, ctx, offered)
			if diff := cmp.Diff([][]int{bitfields, candidates}, [][]int{s.Bitfields, s.Candidates}); diff != "" {
				t.Fatalf("at %d: (-want +got)\n%s", c.height, diff)
			}
			if diff := cmp.Diff(cores, s.Cores); diff != "" {
				t.Fatalf("at %d: (-want +got)\n%s", c.height, diff)
			}
			if got, all := size(s), len(offered.Bitfields)+len(offered.Candidates); got != all {
				t.Fatalf("%d were offered, and %d are accounted for", all, got)
			}
			passes(t, c, ctx, pick(offered, s))
		}
	})
}

// size is the number of all that a selection speaks of.
func size(s Selection) int { return len(s.Bitfields) + len(s.Candidates) + len(s.LeftOut) }

// passes has an inherent checked, as a whole and without some of its candidates, and the block built.
func passes(t *rapid.T, c chain, ctx *Context, in Inherent) {
	checked, err := Check(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	c.build(t, in, checked.Cores)
	in.Candidates = without(t, in.Candidates)
	if _, err := Check(ctx, in); err != nil {
		t.Fatalf("without some of the candidates: %v", err)
	}
}

// without is some of the candidates.
func without(t *rapid.T, all []Candidate) (some []Candidate) {
	for _, c := range all {
		if rapid.Bool().Draw(t, "keep") {
			some = append(some, c)
		}
	}
	return some
}

// build applies the block to the chain.
func (c chain) build(t *rapid.T, in Inherent, cores []uint32) {
	var votes []scheduler.Vote
	for _, b := range in.Bitfields {
		votes = append(votes, scheduler.Vote{Validator: b.Validator, Cores: b.Cores})
	}
	c.Open(c.height, votes)
	var on []scheduler.Backing
	for i := range in.Candidates {
		on = append(on, scheduler.Backing{Core: cores[i], Candidate: hash("candidate")})
	}
	if err := c.Close(c.height, on); err != nil {
		t.Fatal(err)
	}
}
