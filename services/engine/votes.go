package engine

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// What votes are on the wire.

func votesOf(height uint64, votes []finality.Signed) *enginev1.Votes {
	m := &enginev1.Votes{Height: height, Votes: make([]*enginev1.Vote, len(votes))}
	for i, v := range votes {
		m.Votes[i] = voteOf(v)
	}
	return m
}

func voteOf(v finality.Signed) *enginev1.Vote {
	m := &enginev1.Vote{
		Validator: uint32(v.Validator), Round: v.Round, Phase: enginev1.Phase(v.Phase), Signature: v.Signature[:],
	}
	if v.Block != finality.None {
		m.BlockId = v.Block[:]
	}
	return m
}

// voteFrom reads a vote. Whether its signature holds, the core finds out.
func voteFrom(m *enginev1.Vote) (v finality.Signed, err error) {
	v.Validator, v.Round, v.Phase = int(m.GetValidator()), m.GetRound(), finality.Phase(m.GetPhase())
	if len(m.GetBlockId()) > 0 {
		if v.Block, err = primitives.HashFrom(m.GetBlockId()); err != nil {
			return v, err
		}
	}
	if copy(v.Signature[:], m.GetSignature()) != len(v.Signature) || len(m.GetSignature()) != len(v.Signature) {
		return v, fmt.Errorf("a signature of %d bytes", len(m.GetSignature()))
	}
	return v, nil
}

func (c *consensus) votes(n primitives.NodeID, m *enginev1.Votes) {
	in := snowman.Votes{Node: n, Height: m.GetHeight(), Votes: make([]finality.Signed, len(m.GetVotes()))}
	for i, raw := range m.GetVotes() {
		v, err := voteFrom(raw)
		if err != nil {
			c.send.report(n, costUndecodable, "a vote that can't be read: "+err.Error())
			return
		}
		in.Votes[i] = v
	}
	c.core.step(in)
}

func (c *consensus) getVotes(n primitives.NodeID, m *enginev1.GetVotes) {
	c.core.step(snowman.GetVotes{Node: n, Height: m.GetHeight(), Round: m.GetRound()})
}
