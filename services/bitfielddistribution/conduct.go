package bitfielddistribution

import (
	"time"

	"github.com/reevenet/reeve/internal/core/bitfields"
	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// unreadable is what bytes are worth that are no message of the protocol: what the bridge charges for such, too.
var unreadable = bitfields.Conduct{Value: -500, Reason: "a bitfield that can't be read"}

// payEvery is how often benefits are reported: there is one for each bitfield that each peer brings.
const payEvery = time.Second

// judge reports what a peer has done, at once if it costs it something. This node itself isn't judged.
func (d *distribution) judge(id primitives.NodeID, c bitfields.Conduct) {
	switch {
	case c.Value == 0 || id.IsZero():
	case c.Value < 0:
		d.charged++
		d.report(id, c)
	default:
		if len(d.earned) == 0 {
			d.sub.After(payEvery, d.pay)
		}
		d.earned[id] += c.Value
	}
}

// pay reports what peers have earned.
func (d *distribution) pay() {
	for _, id := range d.core.Peers() {
		if value := d.earned[id]; value > 0 {
			d.report(id, bitfields.Conduct{Value: value, Reason: "bitfields that hold"})
		}
	}
	clear(d.earned)
}

func (d *distribution) report(id primitives.NodeID, c bitfields.Conduct) {
	d.sub.Send(&nbv1.ReportPeer{Peer: id[:], CostBenefit: c.Value, Reason: c.Reason})
}
