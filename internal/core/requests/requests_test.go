package requests

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"pgregory.net/rapid"
)

var (
	start = time.Unix(1000, 0)
	alice = primitives.NodeID{1}
	bob   = primitives.NodeID{2}
)

func key(n primitives.NodeID, id uint32, a Answer) Key { return Key{Node: n, ID: id, Answer: a} }

func add(t *testing.T, tb *Table, k Key) {
	t.Helper()
	if _, err := tb.Add(k, start, 0); err != nil {
		t.Fatal(err)
	}
}

func TestAGetAndAPullQueryMayShareTheirNumber(t *testing.T) {
	tb := New(10)
	add(t, tb, key(alice, 0, Put))
	add(t, tb, key(alice, 0, Chits))
	if !tb.Answer(key(alice, 0, Chits), start) || tb.Len() != 1 {
		t.Error("the answer of one ended the other")
	}
}

func TestANumberInUseIsRefusedAndOneThatIsAnsweredMayBeUsedAgain(t *testing.T) {
	tb := New(10)
	add(t, tb, key(alice, 7, Put))
	if _, err := tb.Add(key(alice, 7, Put), start, 0); !errors.Is(err, ErrOutstanding) {
		t.Errorf("got %v", err)
	}
	if !tb.Answer(key(alice, 7, Put), start) {
		t.Error("the refused request overwrote the first")
	}
	add(t, tb, key(alice, 7, Put))
}

func TestALateAnswerIsDropped(t *testing.T) {
	tb := New(10)
	add(t, tb, key(alice, 1, Chits))
	if got := tb.Expire(start.Add(time.Minute)); len(got) != 1 {
		t.Fatalf("expired %v", got)
	}
	if tb.Answer(key(alice, 1, Chits), start) || tb.Answer(key(bob, 1, Chits), start) {
		t.Error("an answer was taken that nobody waited for")
	}
}

func TestTimeoutsArePerPeerAndKind(t *testing.T) {
	tb := New(1000)
	for i := range uint32(50) {
		add(t, tb, key(alice, i, AppResponse))
		tb.Answer(key(alice, i, AppResponse), start.Add(2*time.Second))
		add(t, tb, key(alice, i, Chits))
		tb.Answer(key(alice, i, Chits), start.Add(time.Millisecond))
	}
	if got := tb.latency[alice].timeout(AppResponse); got < 7*time.Second || got > mostTimeout {
		t.Errorf("slow application: %v", got)
	}
	if got := tb.latency[alice].timeout(Chits); got != leastTimeout {
		t.Errorf("fast votes of the same peer: %v", got)
	}
	if got := tb.latency[bob].timeout(Chits); got != firstTimeout {
		t.Errorf("a stranger: %v", got)
	}
}

func TestTheTableIsBounded(t *testing.T) {
	tb := New(2)
	add(t, tb, key(alice, 1, Put))
	add(t, tb, key(alice, 2, Put))
	if _, err := tb.Add(key(alice, 3, Put), start, 0); !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
}

func TestARequestReadsLikeANodeAndANumber(t *testing.T) {
	text, err := json.Marshal(map[Request]int{{NodeID: alice, RequestID: 7}: 1})
	if err != nil || !strings.HasPrefix(string(text), `{"NodeID-`) || !strings.HasSuffix(string(text), `:7":1}`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestNoTwoErrorsShareACode(t *testing.T) {
	codes := map[int32]Reason{}
	for r := TimedOut; r <= Cancelled; r++ {
		e := AppErrorFor(r)
		if other, twice := codes[e.Code]; twice || e.Code >= 0 {
			t.Errorf("%s has code %d, as %s", r, e.Code, other)
		}
		codes[e.Code] = r
	}
	if !errors.Is(&AppError{Code: -1, Message: "other words"}, ErrTimeout) || errors.Is(ErrUndefined, ErrTimeout) {
		t.Error("codes decide")
	}
}

// Whatever happens in whatever order, every request that was taken ends exactly once.
func TestExactlyOneOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb, now := New(20), start
		open, ended := map[Key]bool{}, 0
		finish := func(keys ...Key) {
			for _, k := range keys {
				if !open[k] {
					t.Fatalf("%v ended without being open", k)
				}
				delete(open, k)
				ended++
			}
		}
		added := 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			k := key(primitives.NodeID{
				rapid.ByteRange(1, 3).Draw(t, "node"),
			}, rapid.Uint32Range(0, 5).Draw(t, "id"), Answer(rapid.IntRange(1, 8).Draw(t, "answer")))
			switch rapid.IntRange(0, 6).Draw(t, "op") {
			case 0, 1, 2:
				if _, err := tb.Add(k, now, 0); (err == nil) == (open[k] || len(open) >= 20) {
					t.Fatalf("Add(%v) = %v with %d open", k, err, len(open))
				} else if err == nil {
					open[k] = true
					added++
				}
			case 3:
				if tb.Answer(k, now) {
					finish(k)
				}
			case 4:
				if tb.Fail(k) {
					finish(k)
				}
			case 5:
				now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
				finish(tb.Expire(now)...)
			case 6:
				finish(tb.Disconnect(k.Node)...)
			}
		}
		finish(tb.Cancel()...)
		if ended != added || tb.Len() != 0 {
			t.Fatalf("%d taken, %d ended, %d left", added, ended, tb.Len())
		}
	})
}

func TestWhoHasGoneIsForgotten(t *testing.T) {
	tb := New(10)
	for i := range 1000 {
		n := primitives.NodeID{byte(i), byte(i >> 8)}
		add(t, tb, key(n, 1, Put))
		tb.Answer(key(n, 1, Put), start.Add(time.Second))
		tb.Disconnect(n)
	}
	if len(tb.latency) != 0 {
		t.Errorf("how fast they were is known of %d", len(tb.latency))
	}
}
