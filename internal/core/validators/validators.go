// Package validators holds a chain's validator set as consensus sees it: who they are, how much each one's word weighs,
// and how a sample of them is drawn. It is pure; chance comes from the caller.
package validators

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Validator is one member of a set.
type Validator struct {
	// Node is its network identity: who messages come from.
	Node primitives.NodeID
	// Key verifies its signatures. Another key than the network identity.
	Key ed25519.PublicKey
	// Stake is its weight, above zero.
	Stake uint64
}

// Set is an immutable validator set in the order of node ids. Indices into it are the validators' indices everywhere.
type Set struct {
	members []Validator
	index   map[primitives.NodeID]int
	total   uint64
	units   []int // stake in units; see units.go
	sum     int
	ends    []int // running sums of units
}

// New checks and orders the members.
func New(members []Validator) (*Set, error) {
	if len(members) == 0 {
		return nil, errors.New("a chain needs at least one validator")
	}
	s := &Set{members: slices.Clone(members), index: make(map[primitives.NodeID]int, len(members))}
	slices.SortFunc(s.members, func(a, b Validator) int { return a.Node.Compare(b.Node) })
	for i, v := range s.members {
		if _, twice := s.index[v.Node]; twice {
			return nil, fmt.Errorf("validator %s is listed twice", v.Node)
		}
		if v.Stake == 0 {
			return nil, fmt.Errorf("validator %s has no stake", v.Node)
		}
		if s.total+v.Stake < s.total {
			return nil, errors.New("the validators' stakes add up to more than 64 bits hold")
		}
		s.total += v.Stake
		s.index[v.Node] = i
	}
	s.units, s.sum = unitsOf(s.members, s.total)
	s.ends = runningSums(s.units)
	return s, nil
}

// Len is the number of validators.
func (s *Set) Len() int { return len(s.members) }

// At returns the validator with index i.
func (s *Set) At(i int) Validator { return s.members[i] }

// Node is the network identity of the validator with index i.
func (s *Set) Node(i int) primitives.NodeID { return s.members[i].Node }

// StakeOf is the stake of the validator with index i.
func (s *Set) StakeOf(i int) uint64 { return s.members[i].Stake }

// Index finds a validator by its node id.
func (s *Set) Index(node primitives.NodeID) (int, bool) {
	i, ok := s.index[node]
	return i, ok
}

// Stake of a node; zero when it is no validator.
func (s *Set) Stake(node primitives.NodeID) uint64 {
	if i, ok := s.index[node]; ok {
		return s.members[i].Stake
	}
	return 0
}

// TotalStake is the sum of all stakes.
func (s *Set) TotalStake() uint64 { return s.total }

// Units is the number of units that all stake together is counted in.
func (s *Set) Units() int { return s.sum }

// UnitsOf is the number of units of the validator with index i.
func (s *Set) UnitsOf(i int) int { return s.units[i] }

// IsMajority tells whether stake is more than half of all stake, connected or not.
func (s *Set) IsMajority(stake uint64) bool { return stake > s.total/2 }
