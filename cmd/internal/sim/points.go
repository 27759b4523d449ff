package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer/overseertest/memnode"
)

// Point is a moment between two messages at which a process dies.
type Point struct {
	// Node is the machine. Process is the subsystem, or Overseer.
	Node    int
	Process string
	// Sent counts the messages that leave the process: it dies while it writes, after the last of them. Otherwise what
	// it handles is counted, answers and timers too; of the overseer always the messages that it takes.
	Sent bool
	// After is how many messages there are before it, from the beginning of the run.
	After int
}

const (
	sends   = "sends"
	handles = "handles"
)

// String is the Point as ParsePoint reads it: 0/engine/sends/7.
func (p Point) String() string {
	what := handles
	if p.Sent {
		what = sends
	}
	return fmt.Sprintf("%d/%s/%s/%d", p.Node, p.Process, what, p.After)
}

// ParsePoint reads what String writes.
func ParsePoint(text string) (p Point, err error) {
	wrong := fmt.Errorf("%q is no point; one is 0/%s/%s/7: node, process, %s or %s, and how many messages",
		text, "engine", sends, sends, handles)
	parts := strings.Split(text, "/")
	if len(parts) != 4 || parts[2] != sends && parts[2] != handles {
		return Point{}, wrong
	}
	p.Process, p.Sent = parts[1], parts[2] == sends
	if p.Node, err = strconv.Atoi(parts[0]); err != nil {
		return Point{}, wrong
	}
	if p.After, err = strconv.Atoi(parts[3]); err != nil {
		return Point{}, wrong
	}
	return p, nil
}

// Overseer is the overseer's name in a Point.
const Overseer = "overseer"

// point is a Point that is still to come.
type point struct {
	sent bool
	left int // messages before it
}

// points is the fault of processes that die between two messages, as drawn.
func (w *World) points() Fault {
	f := w.Repeated("point", 300*time.Millisecond, 5*time.Second, func(r *rand.Rand) {
		n := w.Any(r)
		p := &point{sent: r.IntN(2) == 0, left: 1 + int(r.ExpFloat64()*30)}
		if at := r.IntN(len(n.processes) + 1); at < len(n.processes) {
			n.processes[at].point = p
		} else {
			n.bus.point = p
		}
	})
	f.End = func() {
		for _, n := range w.Nodes {
			n.bus.point = nil
			for _, p := range n.processes {
				p.point = nil
			}
		}
	}
	return f
}

// place puts the points of the configuration where they belong.
func (w *World) place() error {
	for _, p := range w.Config.Points {
		if p.Node < 0 || p.Node >= len(w.Nodes) || p.After < 1 {
			return fmt.Errorf("there is no point after %d messages of %s on node %d", p.After, p.Process, p.Node)
		}
		n, to := w.Nodes[p.Node], &point{sent: p.Sent, left: p.After}
		if p.Process == Overseer {
			n.bus.point = to
			continue
		}
		at := slices.IndexFunc(n.processes, func(o *process) bool { return o.name == p.Process })
		if at < 0 {
			return fmt.Errorf("no process is called %q", p.Process)
		}
		n.processes[at].point = to
	}
	return nil
}

// stepToPoint runs one event after the other, up to the point.
func (i *Incarnation) stepToPoint() {
	for more := true; more && !i.dying && i.of.point != nil; {
		more = i.Machine.StepOne()
		if p := i.of.point; !p.sent {
			p.left--
			i.dying = p.left == 0
		}
	}
}

// leaving is what of a batch leaves the process before it dies.
func (i *Incarnation) leaving(batch []byte) []byte {
	p := i.of.point
	switch {
	case i.dying:
		return nil
	case p != nil && p.sent:
		batch, p.left = memnode.Cut(batch, wire.TagFromEnvelope, p.left)
		i.dying = p.left == 0
	}
	return batch
}

// die is the process's end at its point.
func (i *Incarnation) die() {
	w := i.Node.World
	w.Note("node %d: %s dies between two messages", i.Node.Index, i)
	*w.count.points++
	i.of.point = nil
	i.Kill()
}
