// Package requests keeps the promise that every request to another node ends exactly once: with its answer, with the
// peer's own refusal, or with a failure that says why. It holds what is outstanding; it sends nothing and has no clock,
// so the caller brings the time and performs what comes out.
//
// The first of answer, refusal, disconnect, failed sending, timeout and shutdown ends a request. Everything later finds
// it gone, is counted and dropped. An id that is outstanding can't be used again; one that has ended can.
package requests

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Key names a request: the peer, the chain, the asker's number, and the answer that is expected. A Get and a PullQuery
// may share node, chain and number, because their answers differ.
type Key struct {
	Node   primitives.NodeID
	Chain  primitives.Hash
	ID     uint32
	Answer Answer
}

// Request returns the part of the key that people read.
func (k Key) Request() Request { return Request{NodeID: k.Node, RequestID: k.ID} }

func (k Key) compare(o Key) int {
	switch {
	case k.ID != o.ID:
		return int(int64(k.ID) - int64(o.ID))
	case k.Answer != o.Answer:
		return int(k.Answer) - int(o.Answer)
	case k.Node != o.Node:
		return k.Node.Compare(o.Node)
	}
	return k.Chain.Compare(o.Chain)
}

// ErrOutstanding refuses a request whose key is in use. The request that is outstanding isn't touched.
var ErrOutstanding = errors.New("a request with this number is outstanding with this node")

// ErrFull refuses a request when as many are outstanding as the table may hold.
var ErrFull = errors.New("too many requests are outstanding")

// Table is the set of outstanding requests.
type Table struct {
	open    map[Key]*entry
	due     byDeadline
	limit   int
	latency latencies
}

type entry struct {
	key      Key
	sent     time.Time
	deadline time.Time
	at       int     // in the heap
	speeds   *speeds // of the node; nil: not known yet
}

// New makes a table that holds at most limit requests.
func New(limit int) *Table {
	return &Table{open: make(map[Key]*entry), limit: limit, latency: make(latencies)}
}

// Len is the number of outstanding requests.
func (t *Table) Len() int { return len(t.open) }

// Add makes a request outstanding until the deadline that it returns. A wait of zero means the adaptive timeout.
func (t *Table) Add(k Key, now time.Time, wait time.Duration) (deadline time.Time, err error) {
	if t.open[k] != nil {
		return time.Time{}, fmt.Errorf("%s for %s: %w", k.Request(), k.Answer, ErrOutstanding)
	}
	if len(t.open) >= t.limit {
		return time.Time{}, fmt.Errorf("%s for %s: %w (%d)", k.Request(), k.Answer, ErrFull, t.limit)
	}
	speeds := t.latency[k.Node]
	if wait <= 0 {
		wait = speeds.timeout(k.Answer)
	}
	e := &entry{key: k, sent: now, deadline: now.Add(wait), speeds: speeds}
	t.open[k] = e
	heap.Push(&t.due, e)
	return e.deadline, nil
}

// Open tells whether a request is outstanding.
func (t *Table) Open(k Key) bool { return t.open[k] != nil }

// Answer ends a request with its answer. False: nobody waits for it, drop it.
func (t *Table) Answer(k Key, now time.Time) bool {
	e := t.open[k]
	if e == nil {
		return false
	}
	t.speedsOf(e).observe(k.Answer, now.Sub(e.sent))
	t.end(e)
	return true
}

// Fail ends a request without an answer. False: it had ended before.
func (t *Table) Fail(k Key) bool {
	e := t.open[k]
	if e == nil {
		return false
	}
	t.end(e)
	return true
}

// Expire ends every request whose deadline has come, and returns them oldest deadline first.
func (t *Table) Expire(now time.Time) (expired []Key) {
	for len(t.due) > 0 && !t.due[0].deadline.After(now) {
		e := t.due[0]
		t.speedsOf(e).late(e.key.Answer)
		t.end(e)
		expired = append(expired, e.key)
	}
	return expired
}

// Next is the earliest deadline.
func (t *Table) Next() (time.Time, bool) {
	if len(t.due) == 0 {
		return time.Time{}, false
	}
	return t.due[0].deadline, true
}

// Disconnect ends every request to a node and forgets how fast it was.
func (t *Table) Disconnect(node primitives.NodeID) []Key {
	t.latency.forget(node)
	return t.endAll(func(k Key) bool { return k.Node == node })
}

// Cancel ends everything: the chain stops.
func (t *Table) Cancel() []Key { return t.endAll(func(Key) bool { return true }) }

func (t *Table) endAll(which func(Key) bool) (keys []Key) {
	for k := range t.open {
		if which(k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, Key.compare)
	for _, k := range keys {
		t.Fail(k)
	}
	return keys
}

// speedsOf finds how fast the node of a request is; who has never answered is remembered only once there is
// something to remember.
func (t *Table) speedsOf(e *entry) *speeds {
	if e.speeds == nil {
		e.speeds = t.latency.of(e.key.Node)
	}
	return e.speeds
}

func (t *Table) end(e *entry) {
	delete(t.open, e.key)
	heap.Remove(&t.due, e.at)
}
