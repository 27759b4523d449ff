package statementdistribution

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// maxEarly is how many bytes of a peer's messages are held that are about relay parents which aren't active yet. What
// is beyond is lost, and what depends on it costs nothing.
const maxEarly = 1 << 20

// hold keeps a message until its relay parent is active.
func (d *distribution) hold(p *peer, said *saying) {
	if p.earlyBytes+said.bytes > maxEarly {
		d.dropped++
		return
	}
	p.early = append(p.early, said)
	p.earlyBytes += said.bytes
}

// hearEarly takes what was held for a relay parent that has become active. It comes before all that waits.
func (d *distribution) hearEarly(relayParent primitives.Hash) {
	for _, p := range d.sorted() {
		var due []item
		for _, said := range p.early {
			if said.relayParent == relayParent {
				due = append(due, item{said: said})
			}
		}
		d.keepEarly(p, func(s *saying) bool { return s.relayParent != relayParent })
		for _, i := range due {
			p.bytes += i.size()
		}
		p.waiting = append(due, p.waiting...)
		d.next(p)
	}
}

// dropEarly drops what isn't about a relay parent that both have in view any more.
func (d *distribution) dropEarly(p *peer) {
	if len(p.early) > 0 {
		d.keepEarly(p, func(s *saying) bool { return d.known.Shares(p.id, s.relayParent) })
	}
}

func (d *distribution) keepEarly(p *peer, keep func(*saying) bool) {
	p.early = slices.DeleteFunc(p.early, func(s *saying) bool { return !keep(s) })
	p.earlyBytes = 0
	for _, s := range p.early {
		p.earlyBytes += s.bytes
	}
}
