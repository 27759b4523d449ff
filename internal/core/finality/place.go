package finality

// place is a round and a phase, as a number that grows as a height goes on; 0 is before all.
type place uint32

func placeOf(round uint32, p Phase) place { return place(2*round + uint32(p)) }

// round is that of a place that isn't 0.
func (p place) round() uint32 { return (uint32(p) - 1) / 2 }

// reached remembers how far a validator has come.
func (n *Instance) reached(v Signed) {
	n.latest[v.Validator] = max(n.latest[v.Validator], placeOf(v.Round, v.Phase))
}

// beyond is the stake of those who have voted there or later. Who has voted later has left the place, and may never
// vote there: it followed others, or has committed to what they prepared. So timers go by this and not by the votes of
// a place alone, which could stay below a quorum for ever when some of those that voted there are gone.
func (n *Instance) beyond(p place) (stake uint64) {
	for i, latest := range n.latest {
		if latest >= p {
			stake += n.cfg.Validators.StakeOf(i)
		}
	}
	return stake
}
