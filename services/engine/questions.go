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
	servedSeconds = 2               // of that at once
)

// questions are what peers ask that the VM's host has to be asked for. They wait in a line of their own for each
// validator, and in one for all other peers, and come to the host a few at a time, from each line in turn. Who has too
// many in line, or was served too much lately, is refused. A question that is repeated while it waits is one.
type questions struct {
	set *validators.Set
	now func() time.Time

	lines   map[primitives.NodeID]*line // by validator; the zero id's is that of all others
	turns   []*line                     // that have somebody waiting, whose turn comes first is first
	asked   int                         // at the host
	holding map[questionKey]bool        // all that are asked or wait
	of      map[primitives.NodeID]int   // how many of them, by peer
}

// line is what waits of one validator, or of all other peers together.
type line struct {
	waiting []*inquiry
	held    int // asked or waiting
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

func newQuestions(set *validators.Set, now func() time.Time) *questions {
	return &questions{
		set: set, now: now, lines: make(map[primitives.NodeID]*line), holding: make(map[questionKey]bool),
		of: make(map[primitives.NodeID]int),
	}
}

// lineOf is where a peer's questions wait, and how many it may have and the line.
func (q *questions) lineOf(n primitives.NodeID) (l *line, ofPeer, ofLine int) {
	ofPeer, ofLine, perSecond := ofValidator, ofValidator, servedPerS
	if _, validator := q.set.Index(n); !validator {
		n, ofPeer, ofLine, perSecond = primitives.NodeID{}, ofStranger, ofStrangers, servedToThem
	}
	if q.lines[n] == nil {
		q.lines[n] = &line{served: rate.NewLimiter(rate.Limit(perSecond), servedSeconds*perSecond)}
	}
	return q.lines[n], ofPeer, ofLine
}

// add has a question asked in its turn, or refuses it.
func (q *questions) add(by questionKey, ask func(done func(read int)), refuse func(why string)) {
	l, ofPeer, ofLine := q.lineOf(by.peer)
	switch {
	case q.holding[by]:
	case q.of[by.peer] >= ofPeer || l.held >= ofLine:
		refuse("too many questions are open")
	case q.spent(l):
		refuse("enough was served for now")
	default:
		q.holding[by] = true
		q.of[by.peer]++
		l.held++
		l.waiting = append(l.waiting, &inquiry{questionKey: by, line: l, since: q.now(), ask: ask, refuse: refuse})
		if len(l.waiting) == 1 {
			q.turns = append(q.turns, l)
		}
		q.next()
	}
}

// spent tells whether a line was served more than its budget has grown again by now.
func (q *questions) spent(l *line) bool { return l.served.TokensAt(q.now()) <= 0 }

// serve charges a peer what is sent to it without a question to the host. False: it was served too much lately.
func (q *questions) serve(n primitives.NodeID, read int) bool {
	if l, _, _ := q.lineOf(n); q.spent(l) {
		return false
	}
	q.charge(n, read)
	return true
}

// charge enters what was read for a peer.
func (q *questions) charge(n primitives.NodeID, read int) {
	l, _, _ := q.lineOf(n)
	l.served.ReserveN(q.now(), min(read, l.served.Burst()))
}

// next brings questions to the host, as many as may be there.
func (q *questions) next() {
	for q.asked < maxAtHost && len(q.turns) > 0 {
		l := q.turns[0]
		i := l.waiting[0]
		l.waiting = l.waiting[1:]
		if q.turns = q.turns[1:]; len(l.waiting) > 0 {
			q.turns = append(q.turns, l)
		}
		q.begin(i)
	}
}

func (q *questions) begin(i *inquiry) {
	if q.now().Sub(i.since) > mostInLine {
		q.end(i)
		i.refuse("this node is busy")
		return
	}
	q.asked++
	i.ask(func(read int) {
		q.asked--
		q.end(i)
		q.charge(i.peer, read)
		q.next()
	})
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
