package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func (a *app) whyCommand() *cobra.Command {
	return noun("why", "Why something was decided, or isn't", a.whyBlock(), a.whyCandidate())
}

// nextHeight names the height that is being decided.
const nextHeight = "next"

func (a *app) whyBlock() *cobra.Command {
	cmd := &cobra.Command{
		Use: "block BLOCK", Short: "Print how a block was chosen and decided, or what it waits for",
		Args: takes(cobra.ExactArgs(1)),
		Long: `Print what a node has seen of a block and its height: the blocks that were proposed, the polls that chose
among them, and the votes by validator, with the time since the first of these. BLOCK is an id, a height, or "next" for
the height that is being decided. A node remembers the last 64 heights since it started; of older ones it has the
certificate alone.`,
	}
	c := a.chainFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if args[0] != nextHeight {
			if err := checkBlockName(args[0]); err != nil {
				return err
			}
		}
		chain, address, err := c.find(cmd.Context())
		if err != nil {
			return err
		}
		at := args[0]
		if at == latest {
			at = chain.LastAccepted.String()
		}
		w, err := devnet.Why(cmd.Context(), address, chain.Name, at)
		if errors.Is(err, gateway.ErrNoBlock) {
			return errcode.New(errcode.ChainNotFound, "", nil, "the node knows no block %s of %s", args[0], chain.Name)
		}
		if err != nil {
			return err
		}
		return a.show(w, func(t *table) { (&whyTable{t, w, firstOf(w)}).print() })
	}
	return cmd
}

// whyTable prints what is remembered of a height. Times are since the first thing that was seen.
type whyTable struct {
	*table
	*gateway.Why
	first time.Time
}

func (w *whyTable) print() {
	w.row("chain", w.Chain)
	w.row("height", w.Height)
	if !w.Block.IsZero() {
		w.row("block", w.Block)
		w.row("state", w.state())
	}
	if !w.first.IsZero() {
		w.row("first seen", w.first.Format("2006-01-02 15:04:05.000 MST"))
	}
	w.decision()
	w.standing()
	w.blocks()
	w.polls()
	w.votes()
}

func (w *whyTable) state() string {
	if w.State == "" {
		return "unknown to this node"
	}
	return w.State
}

func (w *whyTable) decision() {
	if d := w.Decision; d != nil {
		w.row("decided", d.Block)
		w.row("", fmt.Sprintf("in round %d, signed by %s", d.Round, strings.Join(d.Signed, ", ")))
		if !d.Decided.IsZero() {
			w.row("", fmt.Sprintf("after %s, durable after %s", w.after(d.Decided), w.after(d.Durable)))
		}
	}
}

func (w *whyTable) standing() {
	s := w.Standing
	switch {
	case s == nil:
	case !s.Begun:
		w.row("being decided", "nobody has proposed or voted")
	default:
		w.row("being decided", fmt.Sprintf("round %d, locked on %s", s.Round, blockText(s.Locked)))
		w.row("votes missing", orDash(strings.Join(s.VotesMissing, ", ")))
	}
}

func (w *whyTable) blocks() {
	if len(w.Blocks) > 0 {
		w.row()
		w.row("AFTER", "BLOCK", "PROPOSER", "SLOT", "SENT BY", "VERIFIED AFTER")
	}
	for _, b := range w.Blocks {
		w.row(w.after(b.Came), b.Block.Short(), b.Proposer, b.Slot, b.From, w.after(b.Issued))
	}
}

func (w *whyTable) polls() {
	if len(w.Polls) > 0 {
		w.row()
		w.row("AFTER", "POLL", "UNITS")
	}
	for _, p := range w.Polls {
		for _, o := range p.Preferences {
			w.row(w.after(p.Began), "prefer "+o.Block.Short(), o.Units)
		}
		if p.Missing > 0 {
			w.row(w.after(p.Began), "no answer", p.Missing)
		}
	}
}

func (w *whyTable) votes() {
	if len(w.Votes) > 0 {
		w.row()
		w.row("AFTER", "VOTE OF", "ROUND", "PHASE", "BLOCK", "")
	}
	for _, v := range w.Votes {
		w.row(w.after(v.Seen), v.Validator, v.Round, v.Phase, blockText(v.Block), note(v))
	}
}

func note(v gateway.Vote) string {
	switch {
	case v.Late:
		return "too late"
	case v.Phase == "commit" && !v.Block.IsZero():
		return "locked"
	}
	return ""
}

// after is how long after the first event something was.
func (w *whyTable) after(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", float64(t.Sub(w.first))/float64(time.Millisecond))
}

// firstOf is when the first thing about the height was seen.
func firstOf(w *gateway.Why) (first time.Time) {
	see := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, b := range w.Blocks {
		see(b.Came)
	}
	for _, p := range w.Polls {
		see(p.Began)
	}
	for _, v := range w.Votes {
		see(v.Seen)
	}
	if w.Decision != nil {
		see(w.Decision.Decided)
	}
	return first
}

// blockText names a block in a cell.
func blockText(id primitives.Hash) string {
	if id.IsZero() {
		return "nothing"
	}
	return id.Short()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
