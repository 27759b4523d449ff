package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// hall is where the questions of four validators and of strangers are asked, and a host that answers when the test
// says.
type hall struct {
	*questions
	now     time.Time
	block   bool // one is under way
	timers  []func()
	atHost  []primitives.NodeID // whose questions are there, in the order in which they came
	ends    []func(read int)
	refused map[primitives.NodeID]int
	number  uint32
}

func newHall(t *testing.T) *hall {
	h := &hall{now: time.Unix(1000, 0), refused: map[primitives.NodeID]int{}}
	h.questions = newQuestions(partSet(t, 4), h, func() bool { return h.block })
	return h
}

func (h *hall) Now() time.Time { return h.now }

func (h *hall) After(_ time.Duration, f func()) func() {
	h.timers = append(h.timers, f)
	return func() {}
}

// pass lets time pass, and what waited for it go on.
func (h *hall) pass(d time.Duration) {
	h.now = h.now.Add(d)
	due := h.timers
	h.timers = nil
	for _, f := range due {
		f()
	}
}

// flood has a peer ask so many questions.
func (h *hall) flood(n primitives.NodeID, count int) {
	for range count {
		h.number++
		h.put(n, h.number)
	}
}

func (h *hall) put(n primitives.NodeID, number uint32) {
	h.add(questionKey{n, number, requests.Put}, func(done func(int)) {
		h.atHost, h.ends = append(h.atHost, n), append(h.ends, done)
	}, func(string) { h.refused[n]++ })
}

// answer has the host answer the oldest question.
func (h *hall) answer(read int) {
	end := h.ends[0]
	h.atHost, h.ends = h.atHost[1:], h.ends[1:]
	end(read)
}

func TestOfAFloodOfQuestionsFewAreAskedAtOnceAndFewWait(t *testing.T) {
	h := newHall(t)
	h.flood(partNode(1), 1000)
	if len(h.atHost) != maxAtHost || h.refused[partNode(1)] != 1000-ofValidator || len(h.holding) != ofValidator {
		t.Fatalf("%d are at the host, %d are kept, %d are refused", len(h.atHost), len(h.holding),
			h.refused[partNode(1)])
	}
	for range ofValidator {
		h.answer(0)
	}
	if len(h.holding) != 0 || len(h.of) != 0 || h.asked != 0 || len(h.turns) != 0 {
		t.Errorf("when all are answered %d are kept, %d at the host", len(h.holding), h.asked)
	}
}

func TestAnotherPeersQuestionIsNextWhateverAFloodHasLeft(t *testing.T) {
	h := newHall(t)
	h.flood(partNode(1), 1000)
	h.flood(partNode(2), 1)
	for range 2 { // the line of the first was due before the second came
		h.answer(0)
	}
	if last := h.atHost[maxAtHost-1]; last != partNode(2) {
		t.Errorf("at the host are questions of %v", h.atHost)
	}
}

func TestAllStrangersTogetherHaveOneLineAndEachOneQuestionOfAKind(t *testing.T) {
	h := newHall(t)
	h.flood(partNode(1), ofValidator)
	for i := range 100 {
		h.flood(partNode(100+i), 10)
		h.add(questionKey{partNode(100 + i), 1, requests.Ancestors}, func(func(int)) {}, func(string) {})
		h.add(questionKey{partNode(100 + i), 1, requests.Accepted}, func(func(int)) {}, func(string) {})
	}
	if kept := len(h.holding) - ofValidator; kept != ofStrangers || len(h.lines) != 2 {
		t.Fatalf("%d questions of strangers are kept in %d lines", kept, len(h.lines)-1)
	}
	for i := range ofStrangers / ofStranger {
		n := partNode(100 + i)
		if kept := h.of[n]; kept != ofStranger || !h.ofAKind(questionKey{n, 7, requests.Ancestors}) || h.refused[n] != 9 {
			t.Errorf("stranger %d has %d questions, %d of a kind were refused", i, kept, h.refused[n])
		}
	}
}

// A stranger's question waits while a block is made or decided, though not for ever; a validator's doesn't.
func TestStrangersGiveWayToBlocksForAMoment(t *testing.T) {
	h := newHall(t)
	h.block = true
	h.flood(partNode(100), 1)
	h.flood(partNode(101), 1)
	h.flood(partNode(1), 1)
	if want := []primitives.NodeID{partNode(1)}; !slices.Equal(h.atHost, want) {
		t.Fatalf("beside a block %v are asked", h.atHost)
	}
	h.pass(giveWay)
	if len(h.atHost) != 2 {
		t.Fatalf("after a moment %d are at the host", len(h.atHost))
	}
	h.answer(0)
	if h.answer(0); len(h.atHost) != 0 {
		t.Error("the next stranger doesn't give way")
	}
	h.block = false
	if h.next(); len(h.atHost) != 1 {
		t.Error("when no block is under way the next stranger isn't asked")
	}
}

func TestOneOfAllStrangersQuestionsIsAtTheHost(t *testing.T) {
	h := newHall(t)
	for i := range 10 {
		h.flood(partNode(100+i), 1)
	}
	if len(h.atHost) != theirsAtHost {
		t.Errorf("%d are", len(h.atHost))
	}
	for range 10 {
		h.answer(0)
	}
	if len(h.holding) != 0 || h.theirs != 0 {
		t.Errorf("in the end %d are kept, %d at the host", len(h.holding), h.theirs)
	}
}

func TestAQuestionThatIsRepeatedIsOne(t *testing.T) {
	h := newHall(t)
	for range 10 {
		h.put(partNode(1), 7)
	}
	if len(h.atHost) != 1 || h.refused[partNode(1)] != 0 {
		t.Errorf("it is asked %d times and refused %d times", len(h.atHost), h.refused[partNode(1)])
	}
	h.answer(0)
	if h.put(partNode(1), 7); len(h.atHost) != 1 {
		t.Error("it can't be asked again afterwards")
	}
}

func TestWhoWasServedTooMuchIsRefusedForAWhile(t *testing.T) {
	h := newHall(t)
	for i, read := 0, 0; read < servedSeconds*servedToThem; i, read = i+1, read+2<<20 {
		h.flood(partNode(200+i), 1)
		h.answer(2 << 20)
	}
	h.flood(partNode(101), 1) // any other stranger
	if h.refused[partNode(101)] != 1 || h.serve(partNode(102), 1) {
		t.Error("strangers are served on")
	}
	if h.flood(partNode(1), 1); len(h.atHost) != 1 {
		t.Error("a validator isn't served")
	}
	h.now = h.now.Add(time.Second)
	if h.flood(partNode(101), 1); len(h.atHost) != 2 || !h.serve(partNode(102), 1) {
		t.Error("a second later they aren't served")
	}
}

func TestOneStrangerIsServedAShareOfWhatAllAre(t *testing.T) {
	h := newHall(t)
	for read := 0; read < servedSeconds*servedToOne; read += 256 << 10 {
		h.flood(partNode(100), 1)
		h.answer(256 << 10)
	}
	if h.flood(partNode(100), 1); h.refused[partNode(100)] != 1 {
		t.Error("it is served on")
	}
	if h.flood(partNode(101), 1); h.refused[partNode(101)] != 0 {
		t.Error("another one isn't served")
	}
	if h.forget(partNode(100)); len(h.ofThem) != 0 {
		t.Error("it is remembered after it has gone")
	}
}

func TestAQuestionThatWaitedTooLongIsRefused(t *testing.T) {
	h := newHall(t)
	h.flood(partNode(1), ofValidator)
	h.now = h.now.Add(mostInLine + time.Millisecond)
	h.answer(0)
	if h.refused[partNode(1)] != ofValidator-maxAtHost || len(h.holding) != maxAtHost-1 {
		t.Errorf("%d are refused, %d are kept", h.refused[partNode(1)], len(h.holding))
	}
}
