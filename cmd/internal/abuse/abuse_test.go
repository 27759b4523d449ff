package abuse

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

func TestEveryAttackHasANameADoorAndABound(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range Attacks() {
		if a.Name == "" || seen[a.Name] || a.Door == "" || a.Does == "" || a.Most == 0 || a.run == nil {
			t.Errorf("%+v", a)
		}
		seen[a.Name] = true
	}
	if _, err := Find("no-such-thing"); err == nil || !strings.Contains(err.Error(), "-list") {
		t.Errorf("got %v", err)
	}
}

// A kind that the protocol gets one day is flooded without anybody thinking of it.
func TestAFloodFillsEveryFieldOfEveryKind(t *testing.T) {
	target := &Target{Chain: "kv", ChainID: primitives.Hash{1}, Height: 7}
	for i := range kinds().Len() {
		m := &enginev1.PeerMessage{}
		said := m.ProtoReflect().Mutable(kinds().Get(i)).Message()
		fill(target, said, 3)
		for k := range said.Descriptor().Fields().Len() {
			if f := said.Descriptor().Fields().Get(k); f.Name() != "node_id" && !said.Has(f) {
				t.Errorf("%s has no %s", said.Descriptor().Name(), f.Name())
			}
		}
		if n := proto.Size(m); n > 64<<10 {
			t.Errorf("%s has %d bytes", said.Descriptor().Name(), n)
		}
	}
}

func TestWhatIsntFinalIsAsSlowAsItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h := &honest{samples: []*sample{{began: began, took: time.Second}, {began: began.Add(time.Second)}}}
		time.Sleep(10 * time.Second)
		if got := quantile(h.in(span{began, time.Now()}), 100); got != 9*time.Second {
			t.Errorf("the slowest took %v", got)
		}
		if got := h.in(span{began, began.Add(time.Second)}); len(got) != 1 || got[0] != time.Second {
			t.Errorf("in the first second: %v", got)
		}
	})
}

func TestAllIsAsBeforeWhenASecondIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ended := &honest{}, time.Now()
		for i := range 100 { // slow for two seconds, then as before
			took := 10 * time.Millisecond
			if i < 40 {
				took = time.Second
			}
			h.samples = append(h.samples, &sample{began: ended.Add(time.Duration(i) * 50 * time.Millisecond), took: took})
		}
		if got := h.calmAgain(t.Context(), ended, 15*time.Millisecond, time.Minute); got != 2*time.Second {
			t.Errorf("after %v", got)
		}
		if got := h.calmAgain(t.Context(), ended, time.Millisecond, 20*time.Second); got != 20*time.Second {
			t.Errorf("never, but after %v", got)
		}
	})
}

func TestARowIsJudged(t *testing.T) {
	good := Row{Most: 64, Slower: 2.9, Back: 2, Memory: map[string]Memory{"engine": {High: 900 << 20, Grown: 64 << 20}}}
	if good.judge(true); len(good.Faults) > 0 {
		t.Errorf("%q", good.Faults)
	}
	bad := Row{Most: 64, Slower: 3.1, Back: 2.1, Memory: map[string]Memory{"plugin": {Grown: 65 << 20}},
		Moved: []string{"v1/engine"}, Achieved: Achieved{Wrong: []string{"an honest node found no room"}}}
	if bad.judge(true); len(bad.Faults) != 5 {
		t.Errorf("%q", bad.Faults)
	}
	bad.Faults = nil
	if bad.judge(false); len(bad.Faults) != 3 {
		t.Errorf("without times: %q", bad.Faults)
	}
	if text := bad.String(); !strings.Contains(text, "FAULT plugin has grown by 65.0 MiB, at most 64 MiB") {
		t.Error(text)
	}
}

func TestOnlyTheNodeItselfNamesItsTwin(t *testing.T) {
	for cause, want := range map[string]bool{
		"v2: another node runs with this node's identity": true,
		"v2: connected to 1 of 4 stake":                   false,
		"v3: another node runs with this node's identity": false,
	} {
		if got := said([]string{"v1: starting", cause}, "v2", twinAttack.Named); got != want {
			t.Errorf("%s: %t", cause, got)
		}
	}
}

func TestAProcessThatWasStartedMeanwhileHasNotGrown(t *testing.T) {
	calm := map[place]uint64{{"v1", "engine"}: 100, {"v2", "engine"}: 300}
	during := map[place]uint64{{"v1", "engine"}: 150, {"v2", "engine"}: 290, {"v3", "engine"}: 999}
	if got := compare(calm, during)["engine"]; got != (Memory{High: 999, Grown: 50}) {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsDoneOftenIsDoneAsOftenAsIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		n := 0
		often(ctx, 300, func(i int) error {
			if i != n {
				t.Fatalf("call %d has the number %d", n, i)
			}
			if n++; n == 1000 { // and is then slow for a second, which isn't made up for
				time.Sleep(time.Second)
			}
			return nil
		})
		if n < 2700 || n > 2760 {
			t.Errorf("%d times in ten seconds", n)
		}
	})
}
