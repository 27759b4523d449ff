package networkbridge

import "github.com/reevenet/reeve/internal/core/primitives"

// standing is what nodes are to this one, whatever they do: validators with their stake, and the others that have a
// slot reserved because the configuration names them.
type standing struct {
	validators map[primitives.NodeID]uint64
	reserved   map[primitives.NodeID]bool
	requested  func(primitives.NodeID) bool // by an open connect request
}

func newStanding(cfg *Config, requested func(primitives.NodeID) bool) *standing {
	s := &standing{
		validators: map[primitives.NodeID]uint64{}, reserved: map[primitives.NodeID]bool{}, requested: requested,
	}
	for _, a := range cfg.Peers {
		s.reserved[a.Node] = true
	}
	for _, id := range append(cfg.Sentries, cfg.Guarded) {
		s.reserved[id] = true
	}
	return s
}

func (s *standing) validator(id primitives.NodeID) bool { return s.validators[id] > 0 }

// has tells whether a slot is reserved for the node for good.
func (s *standing) has(id primitives.NodeID) bool { return s.reserved[id] || s.validator(id) }

// wanted tells whether the node is to be connected now. Others are strangers.
func (s *standing) wanted(id primitives.NodeID) bool { return s.has(id) || s.requested(id) }
