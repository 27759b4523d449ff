package paradev

import (
	"context"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// Status is a para as the relay chain has it.
type Status struct {
	Para uint32       `json:"para"`
	Kind relayvm.Kind `json:"kind"`
	// Core is the one that the para has now; nil: none.
	Core *uint32 `json:"core"`
	// Head is the para's, and HeadHash its hash.
	Head     relayvm.HexBytes `json:"head"`
	HeadHash primitives.Hash  `json:"headHash"`
	// Candidate has made the head, and IncludedIn is the block that has included it, IncludedAt that block's time; nil
	// and zero: none was included yet.
	Candidate  *primitives.Hash `json:"candidate,omitempty"`
	IncludedIn uint64           `json:"includedIn,omitempty"`
	IncludedAt *time.Time       `json:"includedAt,omitempty"`
	// UnderWay is the candidate on the core, and Votes how many validators hold their chunks of it.
	UnderWay *primitives.Hash `json:"underWay,omitempty"`
	Votes    int              `json:"votes,omitempty"`
	// Code is the hash of the code in force, and Upgrade what is announced.
	Code    primitives.Hash  `json:"code"`
	Upgrade *relayvm.Upgrade `json:"upgrade,omitempty"`
}

// Status asks for all paras, by their ids.
func (c *Client) Status(ctx context.Context) ([]Status, error) {
	paras, err := c.paras(ctx)
	if err != nil {
		return nil, err
	}
	cores, err := c.cores(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Status, len(paras))
	for i, p := range paras {
		s := &list[i]
		*s = Status{Para: p.ID, Kind: p.Kind, Head: p.Head, HeadHash: primitives.HashOf(p.Head), Code: p.Code,
			Upgrade: p.Upgrade, IncludedIn: p.Included}
		if p.Last != nil {
			s.Candidate = &p.Last.Candidate
		}
		if p.Included > 0 {
			b, err := c.block(ctx, p.Included)
			if err != nil {
				return nil, err
			}
			s.IncludedAt = &b.Time
		}
		for _, core := range cores {
			if core.Para != nil && *core.Para == p.ID {
				s.Core, s.UnderWay, s.Votes = &core.Core, core.Candidate, core.Votes
			}
		}
	}
	return list, nil
}
