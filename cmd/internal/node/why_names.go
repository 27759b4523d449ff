package node

import (
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/genesis"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// whyOf turns an engine's answer into what people read.
type whyOf struct {
	*gateway.Why
	genesis *genesis.Genesis
	set     *validators.Set
}

var stateNames = map[enginev1.BlockState]string{
	enginev1.BlockState_BLOCK_STATE_WAITING:    "waiting",
	enginev1.BlockState_BLOCK_STATE_VERIFYING:  "verifying",
	enginev1.BlockState_BLOCK_STATE_PROCESSING: "processing",
	enginev1.BlockState_BLOCK_STATE_ACCEPTED:   "accepted",
	enginev1.BlockState_BLOCK_STATE_REJECTED:   "rejected",
	enginev1.BlockState_BLOCK_STATE_INVALID:    "invalid",
}

func (w *whyOf) fill(said *enginev1.QueryHeightResponse) error {
	w.State, w.Blocks, w.Polls = stateNames[said.GetState()], []gateway.IssuedBlock{}, []gateway.Poll{}
	w.Votes, w.Absences, w.Certificates = []gateway.Vote{}, []gateway.Absence{}, said.GetCertificates()
	for _, b := range said.GetBlocks() {
		w.Blocks = append(w.Blocks, gateway.IssuedBlock{
			Block: hashIn(b.GetBlockId()), Proposer: w.name(b.GetProposer()), Slot: b.GetSlot(),
			From: w.sender(b.GetFrom()), Came: timeIn(b.GetCame()), Issued: timeIn(b.GetIssued()),
		})
	}
	for _, p := range said.GetPolls() {
		w.Polls = append(w.Polls, pollOf(p))
	}
	for _, v := range said.GetVotes() {
		vote := v.GetVote()
		w.Votes = append(w.Votes, gateway.Vote{
			Validator: w.name(vote.GetValidator()), Round: vote.GetRound(), Phase: phaseOf(vote.GetPhase()),
			Block: hashIn(vote.GetBlockId()), Seen: timeIn(v.GetSeen()), Late: v.GetLate(),
		})
	}
	for i, missing := range said.GetAbsences() {
		w.Absences = append(w.Absences, gateway.Absence{Validator: w.name(uint32(i)), Missing: missing})
	}
	w.stands(said.GetStanding())
	if len(said.GetCertificate()) == 0 {
		return nil
	}
	return w.decided(said.GetCertificate(), timeIn(said.GetDecided()), timeIn(said.GetDurable()))
}

// decided reads the certificate. Where no vote was seen its own are shown.
func (w *whyOf) decided(certificate []byte, decided, durable time.Time) error {
	_, p, err := finality.DecodeProof(certificate)
	if err != nil {
		return err
	}
	w.Decision = &gateway.Decision{Block: p.Block, Round: p.Round, Decided: decided, Durable: durable}
	unseen := len(w.Votes) == 0
	for _, s := range p.Votes {
		name := w.name(uint32(s.Validator))
		w.Decision.Signed = append(w.Decision.Signed, name)
		if unseen {
			v := gateway.Vote{Validator: name, Round: p.Round, Phase: p.Phase.String(), Block: p.Block}
			w.Votes = append(w.Votes, v)
		}
	}
	return nil
}

func (w *whyOf) stands(s *enginev1.Standing) {
	if s == nil {
		return
	}
	w.Standing = &gateway.Standing{
		Round: s.GetRound(), Locked: hashIn(s.GetLocked()), Valid: hashIn(s.GetValid()), Begun: s.GetBegun(),
		VotesMissing: []string{},
	}
	for _, i := range s.GetSilent() {
		w.Standing.VotesMissing = append(w.Standing.VotesMissing, w.name(i))
	}
}

func pollOf(p *enginev1.FinishedPoll) gateway.Poll {
	poll := gateway.Poll{Began: timeIn(p.GetBegan()), Missing: p.GetMissing(), Preferences: []gateway.Preference{}}
	for _, o := range p.GetPreferences() {
		said := gateway.Preference{Block: hashIn(o.GetBlockId()), Units: o.GetUnits()}
		poll.Preferences = append(poll.Preferences, said)
	}
	return poll
}

// name is what the genesis calls the validator with that index.
func (w *whyOf) name(i uint32) string {
	if int(i) >= w.set.Len() {
		return strconv.Itoa(int(i))
	}
	v, _ := w.genesis.Validator(w.set.Node(int(i))) // the set is the genesis's
	return v.Name
}

// sender is what a node is called: by its name, if it is a validator.
func (w *whyOf) sender(raw []byte) string {
	id, err := primitives.NodeIDFrom(raw)
	if err != nil {
		return ""
	}
	if v, ok := w.genesis.Validator(id); ok {
		return v.Name
	}
	return id.Short()
}

func phaseOf(p enginev1.Phase) string {
	return strings.ToLower(strings.TrimPrefix(p.String(), "PHASE_"))
}

// hashIn is zero where there is none.
func hashIn(raw []byte) primitives.Hash {
	h, _ := primitives.HashFrom(raw)
	return h
}

// timeIn is zero where there is none.
func timeIn(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
