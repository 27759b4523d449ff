package engine

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// phase is what the engine is doing.
type phase string

// The phases. Catching up is a part of the normal one.
const (
	starting   phase = "starting" // waiting for the last accepted block from the VM's host
	normal     phase = "normal"   // taking part in consensus
	catchingUp phase = "catching-up"
	halted     phase = "halted" // the VM refused what consensus had decided
)

// restoredMargin is how many heights above the highest that is known are left out by somebody whose record is an old
// one: at one of them its key may have voted last.
const restoredMargin = 10

// Status is answered at once, whatever the VM does.
func (e *engine) Status(out *subsystem.Status) {
	var s snowman.Status
	now := e.phase
	if e.driver.started() {
		s = e.driver.core.Status()
		if s.CatchingUp && now == normal {
			now = catchingUp
		}
	}
	e.checks(out, s)
	out.Text("stage", string(now))
	if e.driver.started() {
		out.Number(subsystem.FieldHeight, int64(s.LastAccepted.Height))
		out.Text(subsystem.FieldLastAccepted, s.LastAccepted.ID.String())
		out.Text("preferred", s.Preferred.String())
		e.standing(out, s.Deciding)
		out.Number("network-height", int64(max(s.NetworkHeight, s.LastAccepted.Height)))
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"processing", s.Processing}, {"waiting", s.Waiting}, {"polls", s.Polls}, {"requests", s.Requests},
		{"kept-bytes", s.Kept.Bytes}, {"fetches", s.Kept.Fetches}, {"questions", len(e.gets.questions.holding)},
		{"invalid-gossip", int(e.apps.invalids)}, {"connected", len(e.peers.connected)}, {"validators", s.Validators},
		{"evidence", e.witness.keeper.count},
	} {
		out.Number(f.name, int64(f.value))
	}
	out.Number("connected-stake", int64(s.ConnectedStake))
	out.Number("total-stake", int64(e.cfg.Validators.TotalStake()))
	out.Text("parameters", e.cfg.Parameters.String())
}

// standing says where the height that is decided stands.
func (e *engine) standing(out *subsystem.Status, s *snowman.Standing) {
	if s == nil {
		s = &snowman.Standing{}
	}
	out.Number("round", int64(s.Round))
	out.Text("locked", lockedText(s.Locked))
	out.Number("votes-missing", int64(len(s.Silent)))
	out.Text("votes-missing-of", e.names(s.Silent))
}

// names lists the first validators of some.
func (e *engine) names(validators []int) string {
	const most = 8
	var names []string
	for _, v := range validators[:min(len(validators), most)] {
		names = append(names, e.cfg.Validators.Node(v).Short())
	}
	if more := len(validators) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, " ")
}

func (e *engine) checks(out *subsystem.Status, s snowman.Status) {
	p, known := e.cfg.Parameters, e.driver.started()
	undecided := e.undecidedFor()
	out.Check("stage", map[phase]string{
		starting: "starting", halted: "halted: the VM refused what consensus had decided",
	}[e.phase])
	out.Check("vm", e.host.trouble)
	out.Check("connected-stake", when(known && !s.EnoughStake,
		"connected to %d of %d stake, which is too little to decide anything", s.ConnectedStake, s.TotalStake))
	out.Check("voting", cmp.Or(
		e.forgottenText(s), e.voter.trouble, e.voter.refused, e.preserver.trouble,
		when(known && s.OwnHeight > s.LastAccepted.Height+1,
			"this key has voted at height %d, and the record ends at %d: "+
				"it votes again when it has caught up", s.OwnHeight, s.LastAccepted.Height)))
	out.Check("processing-count", when(s.Processing >= p.MaxOutstandingItems, "%d blocks are undecided", s.Processing))
	out.Check("processing-time", when(undecided > p.MaxItemProcessingTime.Seconds(),
		"nothing was decided for %.0f s", undecided))
	out.Check("clock", e.clockText(s))
	out.Check("progress", e.stillText(s))
	out.Check("proposing", cmp.Or(
		when(s.Refusing != "", "the VM finds the blocks invalid that it builds: %s", s.Refusing), e.builder.refused()))
	out.Check("executing", e.stuckText())
	out.Check("judging", doubtText(s.Doubts, e.sub.Now()))
	out.Check("catching-up", when(s.CatchingUp, "at height %d of %d", s.LastAccepted.Height, s.NetworkHeight))
}

// forgottenText says what to do about a record of the keystore's that is an old one.
func (e *engine) forgottenText(s snowman.Status) string {
	return when(s.Forgotten > 0, "block %d is certified with a vote of this key of which its keystore knows nothing: "+
		"its record is an old one, or another node has the key. This node neither votes nor proposes. Make sure that "+
		"nothing else signs with the key, then: reeve keys adopt --height %d, and reeve svc restart engine",
		s.Forgotten, max(s.NetworkHeight, s.Forgotten)+restoredMargin)
}

func lockedText(id primitives.Hash) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// stuckText names the decided block that the VM can't execute.
func (e *engine) stuckText() string {
	op := e.executor.stuck()
	if op == nil {
		return ""
	}
	return fmt.Sprintf("the VM can't execute block %s at height %d, which is decided, since %s: %s",
		op.block.ID().Short(), op.block.Height, op.since.UTC().Format(time.RFC3339), op.why)
}

// doubtGrace is for how long a block may go unjudged before the node is said to be unwell: a plugin that is started
// again comes back within that time.
const doubtGrace = 2 * time.Second

// doubtText names the blocks that the VM couldn't judge.
func doubtText(doubts []snowman.Doubt, now time.Time) string {
	var list []string
	for _, d := range doubts {
		if now.Sub(d.Since) >= doubtGrace {
			list = append(list, fmt.Sprintf("the VM can't judge block %s at height %d by validator %d, since %s: %s",
				d.Block.Short(), d.Height, d.Proposer, d.Since.UTC().Format(time.RFC3339), d.Why))
		}
	}
	return strings.Join(list, "; ")
}

func (e *engine) undecidedFor() float64 {
	if !e.driver.started() {
		return 0
	}
	return e.driver.core.UndecidedFor(e.sub.Now()).Seconds()
}

func when(unwell bool, cause string, args ...any) string {
	if !unwell {
		return ""
	}
	return fmt.Sprintf(cause, args...)
}
