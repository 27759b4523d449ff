package engine

import (
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

// voter has the keystore write this node's votes down and sign them. A vote that the keystore refuses doesn't exist;
// one that it can't sign now is asked for again for as long as it is of use. So at most the votes of one round are
// outstanding, and a few of the rounds before.
type voter struct {
	sub    *subsystem.Sub
	chain  block.Chain
	self   int
	useful func(height uint64) bool
	result func(snowman.Input)

	trouble string // why the keystore can't sign now; empty: it can
	refused string // its last refusal, until it signs again
	stopped bool
}

func (v *voter) sign(height uint64, vote finality.Vote) { v.ask(height, vote, 0) }

func (v *voter) ask(height uint64, vote finality.Vote, pause time.Duration) {
	q := &keystorev1.SignVote{
		NetworkId: v.chain.NetworkID, ChainId: v.chain.ID[:], Height: height, Round: vote.Round,
		Phase: keystorev1.VotePhase(vote.Phase), BlockId: vote.Block[:],
	}
	subsystem.Ask(v.sub, q, signTimeout, func(r *keystorev1.SignVoteResponse, err error) {
		refusal := r.GetRefusal()
		switch {
		case err != nil:
			v.again(height, vote, pause, err.Error())
		case refusal != nil && forGood(refusal.GetReason()):
			v.refused = refusal.GetExplanation()
			v.sub.Log.Info("the keystore refuses a vote", "vote", vote, "height", height, "err",
				refusal.GetExplanation())
		case refusal != nil:
			v.again(height, vote, pause, refusal.GetExplanation())
		default:
			v.trouble, v.refused = "", ""
			signed := finality.Signed{Vote: vote}
			copy(signed.Signature[:], r.GetSignature().GetSignature())
			v.result(snowman.VoteSigned{Height: height, Vote: signed})
		}
	})
}

// forGood tells whether asking again would bring the same answer.
func forGood(r keystorev1.Refusal_Reason) bool {
	return slotTaken(r) || r == keystorev1.Refusal_REASON_PASSED || r == keystorev1.Refusal_REASON_MALFORMED
}

func (v *voter) again(height uint64, vote finality.Vote, pause time.Duration, why string) {
	if v.trouble == "" {
		v.sub.Log.Warn("the keystore can't sign a vote now; it will be asked again", "err", why)
	}
	v.trouble = why
	pause = longer(pause)
	v.sub.After(pause, func() {
		if !v.stopped && v.useful(height) {
			v.ask(height, vote, pause)
		}
	})
}

// ownVotes are what this node's key has signed at the last height at which it voted.
type ownVotes struct {
	height uint64
	votes  []finality.Signed
}

// remember asks the keystore what this node has voted before, until it tells.
func (v *voter) remember(pause time.Duration, then func(ownVotes)) {
	v.sub.After(pause, func() {
		q := &keystorev1.QueryVotes{NetworkId: v.chain.NetworkID, ChainId: v.chain.ID[:]}
		subsystem.Ask(v.sub, q, signTimeout, func(r *keystorev1.QueryVotesResponse, err error) {
			switch {
			case v.stopped:
			case err != nil:
				v.rememberLater(err.Error(), pause, then)
			case r.GetRefusal() != nil:
				v.rememberLater(r.GetRefusal().GetExplanation(), pause, then)
			default:
				v.trouble = ""
				then(v.ownFrom(r))
			}
		})
	})
}

func (v *voter) rememberLater(why string, pause time.Duration, then func(ownVotes)) {
	if v.trouble == "" {
		v.sub.Log.Info("waiting for the keystore to say what it has signed", "err", why)
	}
	v.trouble = why
	v.remember(longer(pause), then)
}

func (v *voter) ownFrom(r *keystorev1.QueryVotesResponse) ownVotes {
	own := ownVotes{height: r.GetHeight()}
	for _, m := range r.GetVotes() {
		s := finality.Signed{Vote: finality.Vote{
			Validator: v.self, Round: m.GetRound(), Phase: finality.Phase(m.GetPhase()),
		}}
		s.Block, _ = primitives.HashFrom(m.GetBlockId()) // the keystore's own words
		copy(s.Signature[:], m.GetSignature())
		own.votes = append(own.votes, s)
	}
	return own
}
