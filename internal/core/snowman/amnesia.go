package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
)

// amnesia is the state after a start. The node doesn't know what it voted for before, and a vote for a rival of that
// could undo what others have decided with its help. So at first it votes for nothing above its last accepted block:
// until a majority has shown it what to prefer, or all others have said what they prefer and it is one thing, or a
// while has passed in which so many others have been heard that few enough are left for a decision to hide behind. As
// long as somebody says that it has accepted more than this node has, there may be such a decision; but a liar may say
// so too, so that is respected for a limited time.
type amnesia struct {
	*turn
	params   snowball.Parameters
	tree     *tree.Tree
	roster   *roster
	accepted *accepted

	until time.Time // zero: over
	most  time.Time // while somebody is ahead
}

const (
	amnesiaTime = 3 * time.Second
	mostAmnesia = 15 * time.Second
)

// begin is for a node that may have voted before, unless it is the only one that votes.
func (a *amnesia) begin() {
	if i := a.roster.own; i >= 0 && a.roster.set.UnitsOf(i) < a.roster.set.Units() {
		a.until, a.most = a.now.Add(amnesiaTime), a.now.Add(mostAmnesia)
	}
}

func (a *amnesia) active() bool { return !a.until.IsZero() }

// next is when remember may have something to do.
func (a *amnesia) next() (time.Time, bool) { return a.until, a.active() }

// remember ends the amnesia when it may.
func (a *amnesia) remember() {
	if !a.active() {
		return
	}
	switch {
	case a.tree.Confirms() || a.undisputed():
		a.until = time.Time{}
	case a.now.Before(a.until):
	case a.roster.heard() >= a.params.AlphaConfidence && (!a.behind() || !a.now.Before(a.most)):
		a.until = time.Time{}
	default:
		a.until = a.now.Add(amnesiaTime / 10)
	}
}

// behind tells whether a validator says that it has accepted more than this node has decided.
func (a *amnesia) behind() bool {
	return len(a.roster.connected(func(p *peer) bool { return p.height > a.accepted.root.Height })) > 0
}

// undisputed tells whether all validators are connected and stand where this node stands, and none prefers anything but
// what this node prefers, if there is anything undecided at all.
func (a *amnesia) undisputed() bool {
	stable := a.accepted.stable.ID
	for i, p := range a.roster.voters {
		if i != a.roster.own && (p == nil || p.accepted != stable || p.hint != stable && !a.tree.IsPreferred(p.hint)) {
			return false
		}
	}
	return true
}
