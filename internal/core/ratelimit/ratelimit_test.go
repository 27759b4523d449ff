package ratelimit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestABurstThenTheRate(t *testing.T) {
	now := time.Unix(0, 0)
	b := New(Limit{PerSecond: 10, Burst: 30}, now)
	if !b.Take(now, 30) || b.Take(now, 1) {
		t.Fatal("a full bucket holds its burst and no more")
	}
	if now = now.Add(time.Second); !b.Take(now, 10) || b.Take(now, 1) {
		t.Fatal("after a second there is a second's worth")
	}
	if b.Take(now.Add(-time.Hour), 1) {
		t.Fatal("time that runs backwards filled the bucket")
	}
}

func TestNeverMoreThanBurstPlusRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limit{PerSecond: rapid.IntRange(0, 1000).Draw(t, "rate"), Burst: rapid.IntRange(0, 1000).Draw(t, "burst")}
		start := time.Unix(0, 0)
		now, taken := start, 0
		b := New(l, now)
		for range rapid.IntRange(1, 100).Draw(t, "takes") {
			now = now.Add(time.Duration(rapid.IntRange(0, int(time.Second)).Draw(t, "pause")))
			if n := rapid.IntRange(0, 100).Draw(t, "n"); b.Take(now, n) {
				taken += n
			}
		}
		if most := float64(l.Burst) + now.Sub(start).Seconds()*float64(l.PerSecond) + 1e-6; float64(taken) > most {
			t.Fatalf("%d tokens taken, at most %f were there", taken, most)
		}
	})
}
