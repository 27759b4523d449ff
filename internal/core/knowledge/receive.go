package knowledge

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/relaying"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
)

// Received is what comes of a peer's statement.
type Received struct {
	// Conduct is to be reported, unless its value is 0.
	Conduct Conduct
	// Note is what the statement is to this node.
	Note Note
	// Sends are what is to be sent for it, in this order.
	Sends []Send
}

// Receive takes a statement from a peer. Verify tells whether its signature is that of the validator in the context of
// the relay parent; it is asked only about validators of the session and what has an encoding. Who isn't connected
// sends nothing.
func (d *Distribution) Receive(
	from primitives.NodeID, relayParent primitives.Hash, s statements.Signed, verify func(statements.Signed) bool,
) Received {
	at, known := d.find(from)
	if !known {
		return Received{}
	}
	p, h := d.peers[at], d.heads[relayParent]
	k := p.shared[relayParent]
	switch {
	case slices.Contains(d.past, relayParent) && !slices.Contains(d.ours, relayParent):
		return Received{} // it was under way
	case !slices.Contains(d.ours, relayParent):
		return Received{Conduct: OutOfView}
	case h == nil:
		return k.early()
	case !h.possible(s) || !verify(s):
		return Received{Conduct: BadSignature}
	case k == nil && slices.Contains(p.past, relayParent):
		return Received{} // the same, on the peer's side
	case k == nil:
		return Received{Conduct: OutOfItsView}
	}
	return d.take(p, relayParent, h, s)
}

// possible tells whether there is such a validator and such a verdict.
func (h *head) possible(s statements.Signed) bool {
	return s.Validator < uint32(h.validators) && s.Verdict >= signbytes.Seconded && s.Verdict <= signbytes.Invalid
}

// take takes a statement that is signed, from a peer that shares the view.
func (d *Distribution) take(p *peer, rp primitives.Hash, h *head, s statements.Signed) (out Received) {
	k := p.shared[rp]
	news, cost := k.receive(s, h.validators)
	switch {
	case cost == UnknownCandidate && k.missed:
		return Received{}
	case cost != Conduct{}:
		return Received{Conduct: cost}
	}
	if news {
		out.Sends = d.send(out.Sends, p, rp, h, h.about(s.Candidate))
	}
	switch out.Note = h.note(s); out.Note {
	case Known:
		out.Conduct = Valid
	case Fresh:
		out.Conduct = First
		out.Sends = d.circulate(out.Sends, rp, h, s)
	}
	return out
}

// Share takes this node's own statement, whose signature is right. NotUseful: the relay parent isn't active any more,
// or the statement breaks the rules.
func (d *Distribution) Share(relayParent primitives.Hash, s statements.Signed) (note Note, sends []Send) {
	h := d.heads[relayParent]
	if h == nil || !h.possible(s) {
		return NotUseful, nil
	}
	if note = h.note(s); note == Fresh {
		h.mine = append(h.mine, s)
		sends = d.circulate(nil, relayParent, h, s)
	}
	return note, sends
}

// circulate sends a fresh statement to all that share the view and are to have it, and to those who learn of the
// candidate by it what depends on it. Before this node's own statement goes what makes the candidate known.
func (d *Distribution) circulate(sends []Send, rp primitives.Hash, h *head, s statements.Signed) []Send {
	own, draw := h.own(s), relaying.About(s.Candidate, len(d.peers))
	for _, p := range d.peers {
		if !own && !draw.Chosen(p.place) {
			continue
		}
		k := p.shared[rp]
		if k == nil {
			continue
		}
		var list []statements.Signed
		if own && !k.mayFollow(s) {
			list = k.choose(h.seconding(s.Candidate), h.validators)
		}
		news, ok := k.send(s, h.validators)
		if ok {
			list = append(list, s)
		}
		if news {
			list = append(list, k.choose(h.about(s.Candidate), h.validators)...)
		}
		if len(list) > 0 {
			sends = append(sends, Send{p.id, rp, list})
		}
	}
	return sends
}
