// Package ratelimit holds a token bucket: so much per second, with a burst. It has no clock; the caller says what time it is.
package ratelimit

import "time"

// Limit is a rate and a burst, in any unit: bytes, messages. A zero Limit allows nothing.
type Limit struct {
	PerSecond int
	Burst     int
}

// Times scales both.
func (l Limit) Times(n int) Limit { return Limit{PerSecond: l.PerSecond * n, Burst: l.Burst * n} }

// Bucket is one budget. It begins full.
type Bucket struct {
	limit  Limit
	tokens float64
	last   time.Time
}

// New makes a bucket that is full at now.
func New(l Limit, now time.Time) *Bucket {
	return &Bucket{limit: l, tokens: float64(l.Burst), last: now}
}

// Take takes n tokens if there are that many, and otherwise none. Time that runs backwards adds nothing.
func (b *Bucket) Take(now time.Time, n int) bool {
	if passed := now.Sub(b.last); passed > 0 {
		b.tokens = min(float64(b.limit.Burst), b.tokens+passed.Seconds()*float64(b.limit.PerSecond))
		b.last = now
	}
	if b.tokens < float64(n) {
		return false
	}
	b.tokens -= float64(n)
	return true
}
