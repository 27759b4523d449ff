package broker

import (
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// watched is a broker with somebody who asks and somebody who is asked; both beat each second, and say that all is
// well.
type watched struct {
	*Broker
	now             time.Time
	asker, holder   *Instance
	asked           uint64
	verdicts        []Event
	readsNothing    bool // the holder takes nothing from its streams
	askerIsDiligent bool // it ends what has lapsed
}

func newWatched(t *testing.T) *watched {
	w := &watched{Broker: New(Config{Lookup: lookup}), now: time.Unix(1000, 0), askerIsDiligent: true}
	w.holder, w.asker = w.attach(t, "single", 0), w.attach(t, "asker", 0)
	return w
}

func (w *watched) attach(t *testing.T, name string, previous uint64) *Instance {
	t.Helper()
	i, f := w.Attach(w.now, Attach{Subsystem: name, Name: name, Class: Single, Edges: 2, Previous: previous,
		Declared: map[string]bool{"single.1": true, "single.4": true}})
	if f != nil {
		t.Fatal(f.Message)
	}
	return i
}

func (w *watched) ask(patience time.Duration) wire.ID {
	w.asked++
	id := wire.NewID(w.asker.Generation, w.asked)
	w.Receive(w.now, w.asker, &wire.Envelope{Kind: wire.Request, ID: id,
		TimeoutMicros: uint64(patience / time.Microsecond), Message: wire.AppendVariant(nil, 1, 4, nil)}, nil)
	return id
}

func (w *watched) cancel(id wire.ID) {
	w.Receive(w.now, w.asker, &wire.Envelope{Kind: wire.Cancel, ID: id}, nil)
}

func (w *watched) answer(id wire.ID) {
	w.Receive(w.now, w.holder, &wire.Envelope{Kind: wire.Reply, ID: id, Reply: []byte("yes")}, nil)
}

// second lets one pass, in which both are alive and the asker reads.
func (w *watched) second() {
	for range 10 {
		w.now = w.now.Add(TickEvery)
		for _, i := range []*Instance{w.asker, w.holder} {
			if i == w.holder && w.readsNothing {
				continue
			}
			var b wire.Batch
			w.Take(w.now, i, Primary, &b, 1<<20)
		}
		w.Heartbeat(w.now, w.holder, 0, 0)
		w.Heartbeat(w.now, w.asker, 0, 0)
		w.Tick(w.now)
		w.verdicts = append(w.verdicts, w.Events()...)
	}
}

func (w *watched) accused(t *testing.T, cause string) {
	t.Helper()
	for _, e := range w.verdicts {
		if e.Kind == Kill && e.Instance == w.holder && strings.Contains(e.Cause, cause) {
			return
		}
	}
	t.Errorf("nobody was blamed for %q: %v", cause, w.verdicts)
}

func (w *watched) nobodyAccused(t *testing.T) {
	t.Helper()
	if len(w.verdicts) > 0 {
		t.Errorf("%s was blamed: %s", w.verdicts[0].Instance.Name, w.verdicts[0].Cause)
	}
}

func TestWhoBeatsAndAnswersNothingIsEnded(t *testing.T) {
	for name, diligent := range map[string]bool{"the asker ends what lapsed": true, "it forgets": false} {
		t.Run(name, func(t *testing.T) {
			w := newWatched(t)
			for n := range 90 {
				if n%5 == 0 {
					w.ask(5 * time.Second)
				}
				if diligent && n%5 == 4 { // its clock began before ours
					w.cancel(wire.NewID(w.asker.Generation, w.asked))
				}
				w.second()
			}
			w.accused(t, "outlived their deadline")
			if len(w.open) > 2 {
				t.Errorf("%d requests are open for ever", len(w.open))
			}
		})
	}
}

// Who was ready for long needs no time to start.
func TestAStandbyThatIsPromotedAndMuteIsFoundSoon(t *testing.T) {
	w := newWatched(t)
	for range 61 {
		w.second()
	}
	for n := range 16 {
		if n%5 == 0 {
			w.ask(4 * time.Second)
		}
		w.second()
	}
	w.accused(t, "outlived their deadline")
}

func TestWhoAnswersIsNotBlamedForWhatLapses(t *testing.T) {
	w := newWatched(t)
	for n := range 120 {
		w.ask(2 * time.Second)
		quick := w.ask(2 * time.Second)
		w.second()
		if n%8 == 0 {
			w.answer(quick)
		}
	}
	w.nobodyAccused(t)
}

func TestALateAnswerIsAnAnswer(t *testing.T) {
	w := newWatched(t)
	for n := range 120 {
		id := w.ask(800 * time.Millisecond)
		w.second()
		w.cancel(id)
		if n%8 == 0 {
			w.answer(id)
		}
	}
	w.nobodyAccused(t)
	if n := len(w.holder.signs.debts.owed); n > maxOwed {
		t.Errorf("%d ids are remembered", n)
	}
}

func TestAnswersToWhatNobodyAskedPayNothing(t *testing.T) {
	w := newWatched(t)
	for n := range 90 {
		id := w.ask(time.Second)
		w.second()
		w.cancel(id)
		w.answer(wire.NewID(99, uint64(n)))
	}
	w.accused(t, "outlived their deadline")
}

// An asker that changes its mind proves nothing.
func TestNobodyIsBlamedForWhatWasCancelledEarly(t *testing.T) {
	w := newWatched(t)
	for range 120 {
		id := w.ask(10 * time.Second)
		w.second()
		w.cancel(id)
	}
	w.nobodyAccused(t)
}

func TestTheIDsOfWhatLapsedAreBounded(t *testing.T) {
	w := newWatched(t)
	for range 5 {
		for range maxOwed {
			w.ask(time.Second)
		}
		w.second()
		w.second()
		w.second()
	}
	if n := len(w.holder.signs.debts.owed); n == 0 || n > maxOwed {
		t.Errorf("%d ids are remembered", n)
	}
}

func TestSignalsWaitWithinABoundAndWhoDoesNotReadIsEnded(t *testing.T) {
	w := newWatched(t)
	w.readsNothing = true
	signal := make([]byte, 64<<10)
	for n := range 1024 {
		w.SignalAll(signal, uint64(n+1))
	}
	w.second()
	w.accused(t, "doesn't read")
	if n := w.holder.outbox.notices; n > maxNotices+len(signal)+64 {
		t.Errorf("%d MiB wait", n>>20)
	}
	if b := w.Bound(); b < maxNotices {
		t.Errorf("the bound that is printed, %d, doesn't know of it", b)
	}
}

func TestRefusalsWaitWithinABound(t *testing.T) {
	w := newWatched(t)
	w.readsNothing = true
	long := &wire.Failure{Message: strings.Repeat("no", 1<<20)}
	for range 64 { // it asks itself, and is told why not
		w.control(w.holder, controlFrame{tag: wire.TagToEnvelope, env: &wire.Envelope{Kind: wire.Fail, Failure: long}})
	}
	w.second()
	w.accused(t, "doesn't read")
	if n := len(w.holder.outbox.primary); n > 10 {
		t.Errorf("%d failures of 2 MiB wait", n)
	}
}

func TestWhoTakesNothingForLongIsEnded(t *testing.T) {
	w := newWatched(t)
	w.holder.signs.worked = true
	w.readsNothing = true
	w.SignalAll([]byte("signal"), 1)
	for range 9 {
		w.second()
	}
	w.nobodyAccused(t)
	w.second()
	w.second()
	w.accused(t, "it has read nothing")
}

// Whoever is replaced is told to go, and counts no more, whatever it says.
func TestWhoIsReplacedIsCutOffAndNotHeard(t *testing.T) {
	w := newWatched(t)
	old := w.holder
	id := w.ask(time.Minute)
	w.second()
	w.holder = w.attach(t, "single", old.Generation)
	var cut []*Instance
	for _, e := range w.Events() {
		if e.Kind == Cut {
			cut = append(cut, e.Instance)
		}
	}
	if len(cut) != 1 || cut[0] != old {
		t.Fatalf("cut off: %v", cut)
	}
	before := w.Count
	w.Receive(w.now, old, &wire.Envelope{ID: wire.NewID(old.Generation, 1),
		Message: wire.AppendVariant(nil, 1, 1, nil)}, nil)
	w.Receive(w.now, old, &wire.Envelope{Kind: wire.Reply, ID: id, Reply: []byte("no")}, nil)
	w.Receive(w.now, old, &wire.Envelope{Kind: wire.Cancel, ID: id}, nil)
	w.Processed(w.now, old, wire.Processed{Requests: 1})
	w.Heartbeat(w.now, old, time.Hour, 1<<40)
	if w.Frame(old, wire.TagStatus, []byte("?")) {
		t.Error("it is asked how it is")
	}
	var b wire.Batch
	if w.Take(w.now, old, Primary, &b, 1<<20); b.Len() > 0 {
		t.Errorf("it is given %d bytes", b.Len())
	}
	if w.Count != before {
		t.Errorf("it was heard: %+v, before %+v", w.Count, before)
	}
	w.second()
	w.nobodyAccused(t)
}
