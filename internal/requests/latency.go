package requests

import (
	"time"

	"github.com/reevenet/reeve/internal/primitives"
)

const (
	firstTimeout = 2 * time.Second
	leastTimeout = 500 * time.Millisecond
	mostTimeout  = 10 * time.Second
)

// latencies are how fast each peer gives each kind of answer, so that a slow application never slows consensus and one slow peer
// never all others. Nodes that disconnect are forgotten, which bounds it.
type latencies map[primitives.NodeID]*[answers]time.Duration

func (l latencies) at(node primitives.NodeID, a Answer) *time.Duration {
	p := l[node]
	if p == nil {
		p = new([answers]time.Duration)
		l[node] = p
	}
	return &p[a%answers]
}

// observe moves the average an eighth of the way, as TCP's round-trip estimate does (RFC 6298).
func (l latencies) observe(node primitives.NodeID, a Answer, took time.Duration) {
	avg := l.at(node, a)
	if *avg == 0 {
		*avg = took
	}
	*avg += (took - *avg) / 8
}

// late doubles the estimate after a timeout: the peer may just be slow.
func (l latencies) late(node primitives.NodeID, a Answer) {
	avg := l.at(node, a)
	*avg = min(max(2**avg, leastTimeout/4), mostTimeout/4)
}

func (l latencies) timeout(node primitives.NodeID, a Answer) time.Duration {
	p := l[node]
	if p == nil || p[a%answers] == 0 {
		return firstTimeout
	}
	return min(max(4*p[a%answers], leastTimeout), mostTimeout)
}

func (l latencies) forget(node primitives.NodeID) { delete(l, node) }
