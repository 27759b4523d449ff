package signbytes

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Phase is one of the two votes of a round; docs/finality.md.
type Phase uint8

const (
	Prepare Phase = 1
	Commit  Phase = 2
)

// String is the phase's name.
func (p Phase) String() string {
	switch p {
	case Prepare:
		return "prepare"
	case Commit:
		return "commit"
	}
	return fmt.Sprintf("phase %d", uint8(p))
}

// Vote is what a validator says about a height in one phase of a round.
type Vote struct {
	NetworkID uint32
	ChainID   primitives.Hash
	Height    uint64
	Round     uint32
	Phase     Phase
	// Block is the block's id; zero for no block.
	Block primitives.Hash
}

func (Vote) Kind() Kind { return KindVote }

// Encode is Payload.Encode; a phase other than the two has no encoding.
func (v Vote) Encode() ([]byte, error) {
	if err := v.Phase.check(); err != nil {
		return nil, err
	}
	w := newWriter(KindVote, voteSize)
	w.u32(v.NetworkID)
	w.hash(v.ChainID)
	w.u64(v.Height)
	w.u32(v.Round)
	w.b = append(w.b, byte(v.Phase))
	w.hash(v.Block)
	return w.b, nil
}

func (v Vote) String() string {
	what := "no block"
	if v.Block != (primitives.Hash{}) {
		what = "block " + v.Block.Short()
	}
	return fmt.Sprintf(
		"%s vote for %s at height %d, round %d of chain %s",
		v.Phase,
		what,
		v.Height,
		v.Round,
		v.ChainID.Short(),
	)
}

func (p Phase) check() error {
	if p != Prepare && p != Commit {
		return malformed("a vote is for prepare or commit, not for phase %d", p)
	}
	return nil
}

func decodeVote(r *reader) (Payload, error) {
	v := Vote{
		NetworkID: r.u32(),
		ChainID:   r.hash(),
		Height:    r.u64(),
		Round:     r.u32(),
		Phase:     Phase(r.take(1)[0]),
		Block:     r.hash(),
	}
	if r.short {
		return v, nil
	}
	return v, v.Phase.check()
}
