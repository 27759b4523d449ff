package snowman

import (
	"encoding/binary"
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// A simnode's keystore: it writes a vote down before it signs it, only ever goes forward, and survives every crash.
type ballot struct {
	height uint64
	vote   finality.Vote
}

func (b ballot) before(o ballot) bool {
	if b.height != o.height {
		return b.height < o.height
	}
	return b.vote.Round < o.vote.Round || b.vote.Round == o.vote.Round && b.vote.Phase < o.vote.Phase
}

func signVote(height uint64, v finality.Vote) finality.Signed {
	var fields [32]byte
	binary.BigEndian.PutUint64(fields[:], height)
	binary.BigEndian.PutUint32(fields[8:], v.Round)
	binary.BigEndian.PutUint32(fields[12:], uint32(v.Validator))
	fields[16] = byte(v.Phase)
	half := primitives.HashOf([]byte("vote"), fields[:], v.Block[:])
	s := finality.Signed{Vote: v}
	copy(s.Signature[:32], half[:])
	copy(s.Signature[32:], half[:])
	return s
}

func (s *simnode) lastHeight() uint64 {
	if len(s.ballots) == 0 {
		return 0
	}
	return s.ballots[len(s.ballots)-1].height
}

func (s *simnode) lastVotes() (votes []finality.Signed) {
	for _, b := range s.ballots {
		if b.height == s.lastHeight() {
			votes = append(votes, signVote(b.height, b.vote))
		}
	}
	return votes
}

// sign is durable at once and answers later: the crash that comes between finds a vote that nobody has seen.
func (s *simnode) sign(a SignVote) {
	b := ballot{a.Height, a.Vote}
	if k := len(s.ballots); k > 0 && !s.ballots[k-1].before(b) && s.honest {
		return // refused
	}
	s.ballots = append(s.ballots, b)
	life := s.life
	s.net.after(time.Duration(200+s.net.rng.IntN(1500))*time.Microsecond, func() {
		if s.life == life && s.core != nil {
			s.step(VoteSigned{Height: a.Height, Vote: signVote(a.Height, a.Vote)})
		}
	})
}

// keep is durable at once, too, and answers in order.
func (s *simnode) keep(a Keep) {
	kept := []Restored{{Block: a.Block, Proof: a.Proof}}
	for _, k := range s.kept {
		if b := k.Block; b.Height == a.Block.Height && b.ID() == a.Also && b.ID() != a.Block.ID() {
			kept = append(kept, k)
		}
	}
	s.kept = kept
	s.vm(time.Duration(s.net.rng.IntN(1000))*time.Microsecond, func() { s.step(BlockKept{Number: a.Number}) })
}

// vote sends votes, and two of them where the node has two faces.
func (s *simnode) vote(a SendVotes) {
	for _, to := range a.Nodes {
		votes := a.Votes
		if s.lie == twoFaced {
			votes = s.twist(to, a)
		}
		s.send(to, func(from primitives.NodeID) Input { return Votes{Node: from, Height: a.Height, Votes: votes} })
	}
}

// twist has this node's own votes be for a block that depends on who gets them.
func (s *simnode) twist(to primitives.NodeID, a SendVotes) (votes []finality.Signed) {
	i, _ := s.net.set.Index(to)
	choices := append(s.core.tree.Candidates(), finality.None)
	for _, v := range a.Votes {
		if v.Validator == s.index {
			v = signVote(a.Height, finality.Vote{
				Validator: s.index, Round: v.Round, Phase: v.Phase, Block: choices[i%len(choices)],
			})
		}
		votes = append(votes, v)
	}
	return votes
}

// certified serves the block of a height with its certificate.
func (s *simnode) certified(a SendCertified) {
	if a.Height == 0 || a.Height > uint64(len(s.committed)) {
		return
	}
	b := s.committed[a.Height-1]
	s.send(a.Node, func(from primitives.NodeID) Input {
		return Certified{Node: from, Container: b.Bytes(), Certificate: s.proofs[b.ID()]}
	})
}
