package povdistribution

import (
	"slices"
	"time"

	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
)

// earlyWait is how long a question waits for the view that goes with it.
const earlyWait = 500 * time.Millisecond

// holdEarly holds a question of a peer that doesn't have the relay parent in view: the view may be on its way, on
// another lane. The bridge bounds how many questions of a peer are open.
func (d *distribution) holdEarly(p *peer, q *question) {
	if len(p.early) >= openRequests {
		d.refuse(p, q.id, pdv1.Refusal_REFUSAL_ENOUGH)
		return
	}
	p.early = append(p.early, q)
	d.sub.After(earlyWait, func() {
		at := slices.Index(p.early, q)
		if at < 0 || d.peers[p.id] != p {
			return
		}
		p.early = slices.Delete(p.early, at, at+1)
		d.report(p, outOfItsView)
		d.refuse(p, q.id, pdv1.Refusal_REFUSAL_OUT_OF_VIEW)
	})
}

// serveEarly answers what has waited for a peer's view.
func (d *distribution) serveEarly(p *peer) {
	early := p.early
	p.early = nil
	for _, q := range early {
		if _, active := d.leaves.Get(q.relayParent[:]); active && !p.sees(q.relayParent) {
			p.early = append(p.early, q) // its time goes on
			continue
		}
		d.serve(p, q)
	}
}
