package povdistribution

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
)

// partBudget is what decoding a peer's part may take.
var partBudget = decode.Budget{Bytes: pdv1.MaxPart + 32, Elements: 4, Depth: 1}

// parts is what one backer sends of a proof. The first part says how long the proof is; the others are asked for
// together then.
type parts struct {
	fetch *fetch
	from  *peer
	size  uint64
	bytes []byte // as long as the proof, once that is known
	left  int    // parts
	rest  func() // stops the clock that runs until the next part
}

// current tells whether this is still where the proof is to come from.
func (t *parts) current() bool { return t.fetch.parts == t }

// askAll asks a backer for the whole proof.
func (d *distribution) askAll(f *fetch, p *peer) {
	f.parts = &parts{fetch: f, from: p, rest: func() {}}
	d.watch(f.parts)
	d.askPart(f.parts, 0)
}

// watch gives the backer time for the next part. It is short, since the others may have what this one is slow with.
func (d *distribution) watch(t *parts) {
	t.rest()
	t.rest = d.sub.After(partTimeout, func() {
		if t.current() {
			d.pass(t, "no part in time")
		}
	})
}

// askPart asks for one part when the peer has few questions of ours.
func (d *distribution) askPart(t *parts, offset uint64) {
	d.inLine(t.from, func() {
		if !t.current() {
			d.answered(t.from)
			return
		}
		d.ask(t, offset)
	})
}

func (d *distribution) ask(t *parts, offset uint64) {
	f := t.fetch
	q, err := proto.Marshal(&pdv1.PartRequest{
		RelayParent: f.relayParent.hash[:], PovHash: f.pov[:], Offset: offset, Length: pdv1.MaxPart,
	})
	if err != nil { // impossible but for running out of memory
		panic(err)
	}
	request := &nbv1.SendRequest{
		Peer: t.from.id[:], Protocol: protocol, Payload: q, DeadlineMs: uint32(partTimeout.Milliseconds()),
	}
	subsystem.Ask(d.sub, request, 2*partTimeout, func(r *nbv1.SendRequestResponse, err error) {
		d.answered(t.from)
		switch {
		case !t.current():
		case err != nil:
			d.pass(t, err.Error())
		case r.GetFailure() != nil:
			d.pass(t, r.GetFailure().GetCode().String()+" "+r.GetFailure().GetMessage())
		default:
			d.onPart(t, offset, r.GetPayload())
		}
	})
}

// pass goes on to the next backer.
func (d *distribution) pass(t *parts, why string) {
	d.sub.Log.Debug("a backer doesn't send a proof", "pov", t.fetch.pov.String(), "peer", t.from.id.String(),
		"why", why)
	d.next(t.fetch)
}

// onPart takes a part, if it can be one.
func (d *distribution) onPart(t *parts, offset uint64, payload []byte) {
	var part pdv1.Part
	err := decode.Unmarshal(payload, &part, partBudget)
	if err != nil || !t.fits(offset, &part) {
		d.report(t.from, noPart)
		d.pass(t, noPart.reason)
		return
	}
	if offset == 0 {
		t.begin(part.GetSize())
	}
	copy(t.bytes[offset:], part.GetBytes())
	t.left--
	d.watch(t)
	switch {
	case t.left == 0:
		t.rest()
		d.check(t)
	case offset == 0:
		for at := uint64(pdv1.MaxPart); at < t.size; at += pdv1.MaxPart {
			d.askPart(t, at)
		}
	}
}

// fits tells whether a part is as long as it must be there. The offset is within the proof: it was asked for.
func (t *parts) fits(offset uint64, part *pdv1.Part) bool {
	size := part.GetSize()
	if size > candidate.MaxPoV || offset > 0 && size != t.size {
		return false
	}
	return uint64(len(part.GetBytes())) == min(pdv1.MaxPart, size-offset)
}

// begin is what follows from the length of the proof.
func (t *parts) begin(size uint64) {
	t.size, t.bytes = size, make([]byte, size)
	t.left = int(partsOf(size))
}

// partsOf is how many parts a proof of that length has. An empty one has one, too.
func partsOf(size uint64) uint64 { return max(1, (size+pdv1.MaxPart-1)/pdv1.MaxPart) }
