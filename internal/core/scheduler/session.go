package scheduler

import (
	"encoding/binary"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Session is what a session begins with.
type Session struct {
	Params
	// Start is the height of its first block.
	Start uint64
	// Validators is their number.
	Validators uint32
	// Seed is the chance by which they are shuffled into groups; nobody knows it before the set of validators.
	Seed primitives.Hash
	// Parachains are the paras that have a core of their own, in any order.
	Parachains []uint32
}

// Begin returns the state at the beginning of a session. The one before, which may be nil, isn't changed. What was on
// cores is gone: those validators' votes mean nothing any more. Claims stay, those that were on cores first, and none
// is blamed; but a para that is a parachain now has no use for one, and what finds no room in the lines is dropped.
func Begin(before *State, n Session) *State {
	paras := slices.Compact(slices.Sorted(slices.Values(n.Parachains)))
	paras = paras[:min(len(paras), MaxCores)]
	n.ThreadCores = min(n.ThreadCores, uint32(MaxCores-len(paras)))
	cores := len(paras) + int(n.ThreadCores)
	s := &State{
		Params: n.Params, Start: n.Start, Validators: n.Validators, Parachains: paras,
		Groups: groups(n.Validators, cores, n.Seed), Cores: make([]*Pending, cores),
	}
	if before == nil {
		return s
	}
	for _, c := range before.claims() {
		if s.room() == nil && !s.isParachain(c.Para) {
			s.enqueue(c)
		}
	}
	return s
}

// claims are those on cores, in the order of these, and then those that wait.
func (s *State) claims() (all []Claim) {
	for core, p := range s.Cores {
		if p != nil && s.isThread(core) {
			all = append(all, p.Claim)
		}
	}
	return append(all, s.Queue...)
}

// groups shuffles the validators and deals them out: each group has the same number of them, and the first ones one
// more where that doesn't come out even. With fewer validators than cores the last groups are empty; cores have
// nobody then while it is their turn to have one of these.
func groups(validators uint32, n int, seed primitives.Hash) [][]uint32 {
	all := shuffled(validators, seed)
	out := make([][]uint32, n)
	for i := range out {
		size := len(all) / (n - i)
		if len(all)%(n-i) > 0 {
			size++
		}
		out[i], all = all[:size:size], all[size:]
	}
	return out
}

// shuffled is the numbers below n in an order that follows from the seed: Fisher and Yates' shuffle (Knuth, The Art of
// Computer Programming, 3.4.2, algorithm P) with numbers drawn from a hash.
func shuffled(n uint32, seed primitives.Hash) []uint32 {
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	for i := n; i > 1; i-- {
		j := uniform(seed, i)
		order[i-1], order[j] = order[j], order[i-1]
	}
	return order
}

// uniform is a number below n, a different one for each n. The bias is below n/2^64 and the same for everybody.
func uniform(seed primitives.Hash, n uint32) uint32 {
	h := primitives.HashOf([]byte("reeve groups\x00"), seed[:], binary.BigEndian.AppendUint32(nil, n))
	return uint32(binary.BigEndian.Uint64(h[:8]) % uint64(n))
}

// Rotation says at which core each group stands in a block at the height.
func (s *State) Rotation(height uint64) primitives.Rotation {
	return primitives.Rotation{Start: s.Start, Frequency: s.RotationFrequency, Now: height}
}

// GroupForCore is the group that backs candidates for the core in a block at the height; false: there is no such core.
func (s *State) GroupForCore(core uint32, height uint64) (group uint32, ok bool) {
	return s.Rotation(height).GroupForCore(core, uint32(len(s.Groups)))
}

// CoreForGroup is the core for which the group backs candidates in a block at the height; false: there is no such
// group.
func (s *State) CoreForGroup(group uint32, height uint64) (core uint32, ok bool) {
	return s.Rotation(height).CoreForGroup(group, uint32(len(s.Groups)))
}

// GroupOf finds the group of a validator.
func (s *State) GroupOf(validator uint32) (group uint32, ok bool) {
	at := slices.IndexFunc(s.Groups, func(g []uint32) bool { return slices.Contains(g, validator) })
	return uint32(max(at, 0)), at >= 0
}
