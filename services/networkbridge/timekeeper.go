package networkbridge

import (
	"fmt"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/clocks"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// timekeeper sees to it that a clock that is off doesn't stay unnoticed: blocks of a node whose clock is ahead aren't
// looked at, and a node whose clock is behind looks at nobody's. Validators tell all peers what their clocks show, and
// each node whose is off, its own first. Nobody's clock is set by that.
type timekeeper struct {
	sub      *subsystem.Sub
	self     primitives.NodeID
	links    *links
	standing *standing
	clocks   *clocks.Clocks
	off      string // whose clock is off, as it was logged last
}

// begin tells all, now and then.
func (t *timekeeper) begin() {
	t.sub.After(clocks.Every, func() {
		t.links.all(t.tell)
		t.look()
		t.begin()
	})
}

// tell lets one peer know what this node's clock shows, if anybody would believe it.
func (t *timekeeper) tell(p *peer) {
	if p.hello == nil || !t.standing.validator(t.self) {
		return
	}
	shows := uint64(max(0, t.sub.Now().UnixMilli()))
	t.links.send(p, LaneBacking, encode(&nbv1.Frame{Kind: &nbv1.Frame_Clock{Clock: &nbv1.Clock{UnixMillis: shows}}}))
}

// heard takes what a peer's clock shows.
func (t *timekeeper) heard(p *peer, millis uint64) {
	if t.standing.validator(p.id) {
		t.clocks.Heard(p.id, proposer.TimeOf(millis), t.sub.Now())
	}
}

// setValidators forgets what those said who aren't believed any more.
func (t *timekeeper) setValidators() { t.clocks.Keep(t.standing.validator) }

func (t *timekeeper) see() clocks.View {
	return t.clocks.See(t.self, t.standing.validators, t.sub.Now())
}

// look logs whose clock is off, when that changes.
func (t *timekeeper) look() {
	v := t.see()
	off := nodesOf(v.Others)
	if v.Off != 0 {
		off = "this node's"
	}
	if off == t.off {
		return
	}
	t.off = off
	switch {
	case v.Off != 0:
		t.sub.Log.Warn("this node's clock is off", "err", t.ofThis(v))
	case off != "":
		t.sub.Log.Warn("the clocks of validators are off, and this node's isn't", "peers", off)
	default:
		t.sub.Log.Info("all clocks are right again, as far as is known")
	}
}

// status says whose clock is off.
func (t *timekeeper) status(s *subsystem.Status) {
	v := t.see()
	s.Number("clocks-off", int64(len(v.Others)))
	s.Text("clocks-off-of", nodesOf(v.Others))
	s.Check("clock", t.ofThis(v))
}

// ofThis says that this node's clock is off; empty: it isn't, as far as is known.
func (t *timekeeper) ofThis(v clocks.View) string {
	if v.Off == 0 {
		return ""
	}
	var all uint64
	for _, stake := range t.standing.validators {
		all += stake
	}
	return fmt.Sprintf("this node's clock is %s its peers', as validators with %d of %d stake see it: set it right",
		apart(v.Off), v.Stake, all)
}

// nodesOf lists the first of those whose clocks are off.
func nodesOf(others []clocks.Other) string {
	const most = 8
	var list []string
	for _, o := range others[:min(len(others), most)] {
		list = append(list, o.Node.String())
	}
	return strings.Join(list, " ")
}

// apart says by how much a clock is off, and to which side.
func apart(off time.Duration) string {
	if off > 0 {
		return fmt.Sprintf("%.0f s ahead of", off.Seconds())
	}
	return fmt.Sprintf("%.0f s behind", -off.Seconds())
}
