// Package twins finds out that two nodes run with one identity. A node that is started again has a new run number, and
// its old one never comes back; so when two numbers take turns both are running. It has no clock: the caller passes the
// time.
package twins

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Run names one run of a node's program.
type Run [8]byte

const (
	// enough is how many times a run must have come back after another one. One time may be a call that was under way
	// when its node was started again.
	enough = 2
	// Lasts is for how long two nodes count as running after the last turn.
	Lasts = time.Minute
	// remembered is how many runs of a node are.
	remembered = 4
)

// Watch is what is known of the runs of some nodes. It grows with the nodes that it is told of.
type Watch struct{ nodes map[primitives.NodeID]*turns }

type turns struct {
	runs []Run // the last one is the present one
	back int   // how often one has come back
	last time.Time
}

// New makes a watch that has seen nobody.
func New() *Watch { return &Watch{nodes: map[primitives.NodeID]*turns{}} }

// Up tells of a link with a run of a node. News: it has become clear by it that there are two.
func (w *Watch) Up(node primitives.NodeID, run Run, now time.Time) (news bool) {
	t := w.nodes[node]
	if t == nil {
		t = &turns{}
		w.nodes[node] = t
	}
	at := slices.Index(t.runs, run)
	if at >= 0 && at == len(t.runs)-1 {
		return false
	}
	was := t.twins(now)
	if at >= 0 {
		if now.Sub(t.last) > Lasts {
			t.back = 0
		}
		t.back++
		t.last = now
		t.runs = slices.Delete(t.runs, at, at+1)
	}
	t.runs = append(t.runs, run)
	t.runs = slices.Clone(t.runs[max(0, len(t.runs)-remembered):])
	return !was && t.twins(now)
}

func (t *turns) twins(now time.Time) bool { return t.back >= enough && now.Sub(t.last) <= Lasts }

// Of tells whether two nodes run with the identity now.
func (w *Watch) Of(node primitives.NodeID, now time.Time) bool {
	t := w.nodes[node]
	return t != nil && t.twins(now)
}

// All lists the identities with which two nodes run now, in their order.
func (w *Watch) All(now time.Time) (ids []primitives.NodeID) {
	for id, t := range w.nodes {
		if t.twins(now) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, primitives.NodeID.Compare)
	return ids
}

// Keep forgets the nodes that aren't wanted any more.
func (w *Watch) Keep(wanted func(primitives.NodeID) bool) {
	for id := range w.nodes {
		if !wanted(id) {
			delete(w.nodes, id)
		}
	}
}
