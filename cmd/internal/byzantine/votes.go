package byzantine

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/process/keys"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// answer is a vote of a peer that the liar has answered with the same.
type answer struct {
	place
	block primitives.Hash
}

// votes are what a peer hears in place of the liar's own votes. Others' votes are handed on.
func (l *liar) votes(to primitives.NodeID, truth *enginev1.Votes) proto.Message {
	lie := &enginev1.Votes{Height: truth.GetHeight()}
	for _, v := range truth.GetVotes() {
		if int(v.GetValidator()) == l.self {
			v = l.vote(to, truth.GetHeight(), v)
		}
		lie.Votes = append(lie.Votes, v)
	}
	return lie
}

// vote is what the liar votes for a peer's ears at the place of v.
func (l *liar) vote(to primitives.NodeID, height uint64, v *enginev1.Vote) *enginev1.Vote {
	honest := blockOf(v)
	choice := honest
	switch at := (place{to, height, v.GetRound(), int32(v.GetPhase())}); l.kind {
	case Flatter:
		if theirs, voted := l.knows.voted[at]; voted {
			choice = theirs
		} else if wants := l.knows.wants[to]; l.knows.height(wants) == height {
			choice = wants
		}
	case Oppose:
		choice = l.other(height, honest)
	case Equivocate:
		if l.half(to) == 1 {
			choice = l.other(height, honest)
		}
	}
	if choice == honest {
		return v
	}
	return SignVote(l.chain, l.secret, height, finality.Vote{
		Validator: l.self, Round: v.GetRound(), Phase: finality.Phase(v.GetPhase()), Block: choice,
	})
}

// other is another block of the height, its twin if it has one, or none.
func (l *liar) other(height uint64, than primitives.Hash) primitives.Hash {
	if twin := l.twins[than]; twin != nil {
		return twin.ID()
	}
	for _, id := range l.knows.options[height] {
		if id != than {
			return id
		}
	}
	return finality.None
}

// hearsVotes notes what a peer votes, and answers with the same where the liar flatters.
func (l *liar) hearsVotes(from primitives.NodeID, m *enginev1.Votes) {
	i, _ := l.set.Index(from)
	back := &enginev1.Votes{Height: m.GetHeight()}
	for _, v := range m.GetVotes() {
		if int(v.GetValidator()) != i {
			continue
		}
		at, id := place{from, m.GetHeight(), v.GetRound(), int32(v.GetPhase())}, blockOf(v)
		if l.knows.votes(at, id) && l.kind == Flatter && !l.answers[answer{at, id}] {
			l.answers[answer{at, id}] = true
			back.Votes = append(back.Votes, l.same(m.GetHeight(), v, id)...)
		}
	}
	if len(back.Votes) > 0 {
		l.send([]primitives.NodeID{from}, back)
	}
}

// same are the liar's votes that agree with one of a peer: at its place, and the commit vote of the round.
func (l *liar) same(height uint64, v *enginev1.Vote, id primitives.Hash) (votes []*enginev1.Vote) {
	for _, phase := range []finality.Phase{finality.Prepare, finality.Commit} {
		if phase == finality.Phase(v.GetPhase()) || phase == finality.Commit && id != finality.None {
			votes = append(votes, SignVote(l.chain, l.secret, height, finality.Vote{
				Validator: l.self, Round: v.GetRound(), Phase: phase, Block: id,
			}))
		}
	}
	return votes
}

// SignVote gives a vote with the key itself: nothing is written down, and nothing refused.
func SignVote(chain block.Chain, secret keys.Secret, height uint64, v finality.Vote) *enginev1.Vote {
	m := &enginev1.Vote{Validator: uint32(v.Validator), Round: v.Round, Phase: enginev1.Phase(v.Phase)}
	if v.Block != finality.None {
		m.BlockId = v.Block[:]
	}
	payload, err := signbytes.Vote{
		NetworkID: chain.NetworkID, ChainID: chain.ID, Height: height, Round: v.Round, Phase: v.Phase, Block: v.Block,
	}.Encode()
	if err == nil { // else it is of a phase that there isn't, which nobody can sign
		m.Signature = secret.Sign(payload)
	}
	return m
}

// blockOf is what a vote is for.
func blockOf(v *enginev1.Vote) primitives.Hash {
	id, _ := primitives.HashFrom(v.GetBlockId()) // none: it is for no block
	return id
}
