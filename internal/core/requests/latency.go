package requests

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

const (
	firstTimeout = 2 * time.Second
	leastTimeout = 500 * time.Millisecond
	mostTimeout  = 10 * time.Second
)

// latencies are how fast each peer gives each kind of answer, so that a slow application never slows consensus and one
// slow peer never all others. Nodes that disconnect are forgotten, which bounds it.
type latencies map[primitives.NodeID]*speeds

// speeds are one peer's averages, zero where it has never answered.
type speeds [answers]time.Duration

func (l latencies) of(node primitives.NodeID) *speeds {
	p := l[node]
	if p == nil {
		p = new(speeds)
		l[node] = p
	}
	return p
}

// observe moves the average an eighth of the way, as TCP's round-trip estimate does (RFC 6298).
func (s *speeds) observe(a Answer, took time.Duration) {
	avg := &s[a%answers]
	if *avg == 0 {
		*avg = took
	}
	*avg += (took - *avg) / 8
}

// late doubles the estimate after a timeout: the peer may just be slow.
func (s *speeds) late(a Answer) {
	avg := &s[a%answers]
	*avg = min(max(2**avg, leastTimeout/4), mostTimeout/4)
}

func (s *speeds) timeout(a Answer) time.Duration {
	if s == nil || s[a%answers] == 0 {
		return firstTimeout
	}
	return min(max(4*s[a%answers], leastTimeout), mostTimeout)
}

func (l latencies) forget(node primitives.NodeID) { delete(l, node) }
