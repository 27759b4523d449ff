package keystore

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

func (k *keystore) onSignVote(m *subsystem.Message, r *keystorev1.SignVote) {
	var f fields
	p := signbytes.Vote{
		NetworkID: r.GetNetworkId(),
		ChainID:   f.hash("chain_id", r.GetChainId()),
		Height:    r.GetHeight(),
		Round:     r.GetRound(),
		Phase:     phaseOf(r.GetPhase()),
		Block:     f.hash("block_id", r.GetBlockId()),
	}
	k.accept(request{message: m, payload: p, answer: voteResponse}, f.err)
}

// phaseOf is zero, which has no encoding, for a phase that isn't known.
func phaseOf(phase keystorev1.VotePhase) signbytes.Phase {
	switch phase {
	case keystorev1.VotePhase_VOTE_PHASE_PREPARE:
		return signbytes.Prepare
	case keystorev1.VotePhase_VOTE_PHASE_COMMIT:
		return signbytes.Commit
	}
	return 0
}

// phaseName is the way back.
func phaseName(phase signbytes.Phase) keystorev1.VotePhase {
	if phase == signbytes.Prepare {
		return keystorev1.VotePhase_VOTE_PHASE_PREPARE
	}
	return keystorev1.VotePhase_VOTE_PHASE_COMMIT
}

func voteResponse(s *keystorev1.Signature, r *keystorev1.Refusal) proto.Message {
	if s != nil {
		return &keystorev1.SignVoteResponse{Outcome: &keystorev1.SignVoteResponse_Signature{Signature: s}}
	}
	return &keystorev1.SignVoteResponse{Outcome: &keystorev1.SignVoteResponse_Refusal{Refusal: r}}
}

// chain is one whose votes somebody asks for.
type chain struct {
	network uint32
	id      primitives.Hash
}

// onQueryVotes waits in the queue of what is to be signed. So the answer holds every vote that was taken in before the
// question, also those of an engine that is no more: they were signed by then, or never will be.
func (k *keystore) onQueryVotes(m *subsystem.Message, r *keystorev1.QueryVotes) {
	var f fields
	of := &chain{r.GetNetworkId(), f.hash("chain_id", r.GetChainId())}
	k.accept(request{message: m, votesOf: of, answer: noVotes}, f.err)
}

func noVotes(_ *keystorev1.Signature, r *keystorev1.Refusal) proto.Message {
	return &keystorev1.QueryVotesResponse{Refusal: r}
}

// votesOn reads what was voted last on a chain.
func votesOn(s *signer.Signer, c *chain) (*keystorev1.QueryVotesResponse, error) {
	height, ballots, err := s.Ballots(c.network, c.id)
	if err != nil {
		return nil, err
	}
	resp := &keystorev1.QueryVotesResponse{Height: height}
	for _, b := range ballots {
		resp.Votes = append(resp.Votes, &keystorev1.SignedVote{
			Round: b.Vote.Round, Phase: phaseName(b.Vote.Phase), BlockId: b.Vote.Block[:], Signature: b.Signature,
		})
	}
	return resp, nil
}
