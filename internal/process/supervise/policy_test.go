package supervise

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDelaysDoubleUntilTheProcessIsLeftAlone(t *testing.T) {
	h := History{Policy: DefaultPolicy}
	now := time.Unix(1000, 0)
	for i, millis := range []time.Duration{0, 100, 200, 400, 800} {
		want := Verdict{Delay: millis * time.Millisecond}
		if got := h.Died(now.Add(time.Duration(i)*time.Second), 0.5); got != want {
			t.Errorf("death %d: %+v, want %+v", i+1, got, want)
		}
	}
	if got := h.Died(now.Add(5*time.Second), 0.5); !got.Quarantine {
		t.Errorf("the sixth death in five seconds: %+v", got)
	}
}

func TestOldDeathsAreForgotten(t *testing.T) {
	h := History{Policy: DefaultPolicy}
	now := time.Unix(1000, 0)
	for range 20 {
		now = now.Add(13 * time.Second) // never more than five within a minute
		if got := h.Died(now, 0.5); got.Quarantine {
			t.Fatal("quarantined for deaths that are more than a minute apart")
		}
	}
	if got := h.Died(now.Add(time.Minute), 0.5); got.Delay != 0 {
		t.Errorf("after a quiet minute the restart waits %v", got.Delay)
	}
}

func TestAPersonsRestartForgetsAllDeaths(t *testing.T) {
	h := History{Policy: DefaultPolicy}
	now := time.Unix(1000, 0)
	for range 6 {
		h.Died(now, 0.5)
	}
	h.Reset()
	if got := h.Died(now, 0.5); got != (Verdict{}) {
		t.Errorf("got %+v", got)
	}
}

func TestADelayStaysWithinItsJitterAndItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Intensity: 1000, Window: time.Hour, Base: 100 * time.Millisecond, Max: 30 * time.Second,
			Jitter: 0.2}
		n := rapid.IntRange(2, 1000).Draw(t, "deaths")
		got := p.delay(n, rapid.Float64Range(0, 1).Draw(t, "luck"))
		if got < 80*time.Millisecond || got > 36*time.Second {
			t.Fatalf("death %d waits %v", n, got)
		}
	})
}
