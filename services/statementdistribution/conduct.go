package statementdistribution

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/knowledge"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// unreadable is what bytes are worth that are no message of the protocol.
var unreadable = knowledge.Conduct{Value: knowledge.CostBadSignature, Reason: "statements that can't be read"}

const (
	// muteTime is how long a peer isn't listened to after something that costs it. So whoever floods this node with
	// false signatures has those of one message verified in each such time.
	muteTime = time.Second
	// payEvery is how often benefits are reported: there is one for each statement of each peer.
	payEvery = time.Second
)

// benefit is what a peer has earned in one way.
type benefit struct {
	conduct knowledge.Conduct
	times   int32
}

// judge reports what a peer has done, at once if it costs it something.
func (d *distribution) judge(p *peer, c knowledge.Conduct) {
	switch {
	case c.Value < 0:
		p.muted = d.sub.Now().Add(muteTime)
		d.charged++
		d.sub.Log.Debug("a peer's statement costs it", "peer", p.id.String(), "cost", c.Value, "why", c.Reason)
		d.report(p, c)
	case c.Value > 0:
		p.earn(c)
		d.payLater()
	}
}

func (p *peer) earn(c knowledge.Conduct) {
	at := slices.IndexFunc(p.earned, func(b benefit) bool { return b.conduct == c })
	if at < 0 {
		at = len(p.earned)
		p.earned = append(p.earned, benefit{conduct: c})
	}
	p.earned[at].times++
}

func (d *distribution) report(p *peer, c knowledge.Conduct) {
	d.sub.Send(&nbv1.ReportPeer{Peer: p.id[:], CostBenefit: c.Value, Reason: c.Reason})
}

func (d *distribution) payLater() {
	if !d.paying {
		d.paying = true
		d.sub.After(payEvery, d.pay)
	}
}

func (d *distribution) pay() {
	d.paying = false
	for _, p := range d.sorted() {
		for _, b := range p.earned {
			b.conduct.Value *= b.times
			d.report(p, b.conduct)
		}
		p.earned = nil
	}
}
