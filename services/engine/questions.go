package engine

import (
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/validators"
)

// The bounds of what peers ask this node's VM host through the engine.
const (
	maxAtHost     = 4               // asked at once, so that this node's own questions never stand behind more
	ofValidator   = 16              // asked or waiting, of one validator
	ofStranger    = 2               // of any other peer
	ofStrangers   = 32              // of all of those together
	mostInLine    = 2 * time.Second // waiting; the peer has asked somebody else meanwhile
	servedPerS    = 64 << 20        // bytes read for one validator
	servedToThem  = 8 << 20         // for all other peers together
	servedToOne   = 2 << 20         // for one of those
	servedSeconds = 2               // of that at once

	// Others than validators have one question of a kind. One of all of them is at the host at any time, and it waits
	// for blocks that are under way; not for long, since on a busy chain one always is, and a node that follows it
	// without a vote lags by as much.
	theirsAtHost = 1
	giveWay      = 20 * time.Millisecond

	// costGreedy is what it costs others than validators to ask for more than they may; they are dropped at 1000.
	costGreedy = 2
)

// questions are what peers ask that the VM's host has to be asked for. They wait in a line of their own for each
// validator, and in one for all other peers, and come to the host a few at a time, from each line in turn. Who has too
// many in line, or was served too much lately, is refused: an answer is paid by its bytes, not by the question. A
// question that is repeated while it waits is one.
type questions struct {
	set *validators.Set
	clock
	underWay func() bool // a block is

	lines   map[primitives.NodeID]*line // by validator; the zero id's is that of all others
	turns   []*line                     // that have somebody waiting, whose turn comes first is first
	asked   int                         // at the host
	theirs  int                         // of those, of others than validators
	holding map[questionKey]bool        // all that are asked or wait
	of      map[primitives.NodeID]int   // how many of them, by peer
	wake    func()                      // cancels the next look at those that have given way; nil: none is due

	ofThem map[primitives.NodeID]*rate.Limiter // what connected peers that are no validators were served
}

// clock is what questions need of a subsystem.
type clock interface {
	Now() time.Time
	After(time.Duration, func()) (cancel func())
}

// line is what waits of one validator, or of all other peers together.
type line struct {
	ofThem  bool
	waiting []*inquiry
	held    int       // asked or waiting
	rested  time.Time // when the last one was answered
	served  *rate.Limiter
}

// questionKey names a question.
type questionKey struct {
	peer   primitives.NodeID
	id     uint32
	answer requests.Answer
}

// inquiry is one question. Either ask or refuse is called, once; ask calls its argument once, with the bytes that were
// read for it.
type inquiry struct {
	questionKey
	line   *line
	since  time.Time
	ask    func(done func(read int))
	refuse func(why string)
}

func newQuestions(set *validators.Set, c clock, underWay func() bool) *questions {
	return &questions{
		set: set, clock: c, underWay: underWay, lines: make(map[primitives.NodeID]*line),
		holding: make(map[questionKey]bool), of: make(map[primitives.NodeID]int),
		ofThem: make(map[primitives.NodeID]*rate.Limiter),
	}
}

// lineOf is where a peer's questions wait, and how many it may have and the line.
func (q *questions) lineOf(n primitives.NodeID) (l *line, ofPeer, ofLine int) {
	ofPeer, ofLine, perSecond := ofValidator, ofValidator, servedPerS
	_, validator := q.set.Index(n)
	if !validator {
		n, ofPeer, ofLine, perSecond = primitives.NodeID{}, ofStranger, ofStrangers, servedToThem
	}
	if q.lines[n] == nil {
		q.lines[n] = &line{ofThem: !validator, served: bytesServed(perSecond)}
	}
	return q.lines[n], ofPeer, ofLine
}

func bytesServed(perSecond int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), servedSeconds*perSecond)
}

// isStranger tells whether a peer is one of the others than validators.
func (q *questions) isStranger(n primitives.NodeID) bool {
	_, validator := q.set.Index(n)
	return !validator
}

// forget lets go of a peer that has gone.
func (q *questions) forget(n primitives.NodeID) { delete(q.ofThem, n) }

// ofAKind tells whether a question of the same kind is open.
func (q *questions) ofAKind(by questionKey) bool {
	for k := range q.holding {
		if k.peer == by.peer && k.answer == by.answer {
			return true
		}
	}
	return false
}

// add has a question asked in its turn, or refuses it.
func (q *questions) add(by questionKey, ask func(done func(read int)), refuse func(why string)) {
	l, ofPeer, ofLine := q.lineOf(by.peer)
	switch {
	case q.holding[by]:
	case q.of[by.peer] >= ofPeer || l.held >= ofLine || l.ofThem && q.ofAKind(by):
		refuse("too many questions are open")
	case q.spent(l, by.peer):
		refuse("enough was served for now")
	default:
		q.holding[by] = true
		q.of[by.peer]++
		l.held++
		l.waiting = append(l.waiting, &inquiry{questionKey: by, line: l, since: q.Now(), ask: ask, refuse: refuse})
		if len(l.waiting) == 1 {
			q.turns = append(q.turns, l)
		}
		q.next()
	}
}

// spent tells whether a line, or the peer, was served more than its budget has grown again by now.
func (q *questions) spent(l *line, n primitives.NodeID) bool {
	own := q.ofThem[n]
	return l.served.TokensAt(q.Now()) <= 0 || own != nil && own.TokensAt(q.Now()) <= 0
}

// serve charges a peer what is sent to it without a question to the host. False: it was served too much lately.
func (q *questions) serve(n primitives.NodeID, read int) bool {
	if l, _, _ := q.lineOf(n); q.spent(l, n) {
		return false
	}
	q.charge(n, read)
	return true
}

// charge enters what was read for a peer.
func (q *questions) charge(n primitives.NodeID, read int) {
	l, _, _ := q.lineOf(n)
	l.served.ReserveN(q.Now(), min(read, l.served.Burst()))
	if !l.ofThem || read == 0 {
		return
	}
	if q.ofThem[n] == nil {
		q.ofThem[n] = bytesServed(servedToOne)
	}
	q.ofThem[n].ReserveN(q.Now(), min(read, q.ofThem[n].Burst()))
}

// next brings questions to the host, as many as may be there.
func (q *questions) next() {
	for q.asked < maxAtHost {
		at := slices.IndexFunc(q.turns, q.may)
		if at < 0 {
			return
		}
		l := q.turns[at]
		i := l.waiting[0]
		l.waiting = l.waiting[1:]
		if q.turns = slices.Delete(q.turns, at, at+1); len(l.waiting) > 0 {
			q.turns = append(q.turns, l)
		}
		q.begin(i)
	}
}

// may tells whether the next question of a line may be asked. One of others than validators gives way to blocks.
func (q *questions) may(l *line) bool {
	if !l.ofThem {
		return true
	}
	if q.theirs >= theirsAtHost {
		return false
	}
	since := l.waiting[0].since
	if l.rested.After(since) {
		since = l.rested
	}
	left := since.Add(giveWay).Sub(q.Now())
	if left <= 0 || !q.underWay() {
		return true
	}
	if q.wake == nil {
		q.wake = q.After(left, func() {
			q.wake = nil
			q.next()
		})
	}
	return false
}

func (q *questions) begin(i *inquiry) {
	if q.Now().Sub(i.since) > mostInLine {
		q.end(i)
		i.refuse("this node is busy")
		return
	}
	q.count(i, 1)
	i.ask(func(read int) {
		q.count(i, -1)
		q.end(i)
		i.line.rested = q.Now()
		q.charge(i.peer, read)
		q.next()
	})
}

// count enters that a question is at the host, or isn't any more.
func (q *questions) count(i *inquiry, by int) {
	q.asked += by
	if i.line.ofThem {
		q.theirs += by
	}
}

func (q *questions) end(i *inquiry) {
	delete(q.holding, i.questionKey)
	i.line.held--
	if q.of[i.peer]--; q.of[i.peer] == 0 {
		delete(q.of, i.peer)
	}
}

// inTurn asks about every item, one after the other, and then passes on what was found, in the order of the items, and
// how many bytes were read for it.
func inTurn[T any](items []T, ask func(item T, found func(b []byte, read int)), done func(all [][]byte, read int)) {
	all, sum := make([][]byte, 0, len(items)), 0
	var next func(i int)
	next = func(i int) {
		if i == len(items) {
			done(slices.Clip(all), sum)
			return
		}
		ask(items[i], func(b []byte, read int) {
			if sum += read; len(b) > 0 {
				all = append(all, b)
			}
			next(i + 1)
		})
	}
	next(0)
}
