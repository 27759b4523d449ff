package bitfields

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// maxEarly is how many bitfields of one peer, or of this node itself, are held about a leaf until it is active. An
// honest peer that is a little ahead has those of the few validators that were as fast as it.
const maxEarly = 64

// Note is what a bitfield is to this node.
type Note uint8

// The notes.
const (
	// NotUseful: it isn't kept.
	NotUseful Note = iota
	// Known: this very bitfield is kept already.
	Known
	// Second: it is signed as it should be, and differs from the one of its validator that is kept.
	Second
	// Fresh: it is the one of its validator from now on, and the provisioner's.
	Fresh
	// Early: it is held until the leaf is active. Activate tells what comes of it.
	Early
)

// Received is what comes of a bitfield.
type Received struct {
	// From is who sent it; the zero id: this node itself.
	From        primitives.NodeID
	RelayParent primitives.Hash
	Bitfield    Signed
	// Conduct is to be reported, unless its value is 0.
	Conduct Conduct
	Note    Note
	Sends   []Send
}

// Receive takes a bitfield from a peer. Who isn't connected sends nothing.
func (d *Distribution) Receive(from primitives.NodeID, relayParent primitives.Hash, s Signed) Received {
	out := Received{From: from, RelayParent: relayParent, Bitfield: s}
	at, connected := d.find(from)
	if !connected {
		return out
	}
	l := d.leaves[relayParent]
	switch {
	case slices.Contains(d.past, relayParent): // it was under way
	case l == nil:
		out.Conduct = OutOfView
	case !l.active:
		out.Note = l.hold(from, s)
	default:
		out.Note, out.Conduct = l.judge(s, d.peers[at].at(relayParent))
	}
	return d.spread(l, out)
}

// Unverified tells whether Receive would have the signature verified now.
func (d *Distribution) Unverified(from primitives.NodeID, relayParent primitives.Hash, s Signed) bool {
	at, connected := d.find(from)
	l := d.leaves[relayParent]
	if !connected || l == nil || !l.active || s.Validator >= uint32(l.validators) {
		return false
	}
	k := d.peers[at].knows[relayParent]
	return (k == nil || !k.received[s.Validator]) && l.compare(s) != Known
}

// Share takes a bitfield of this node's own, whose signature is right. NotUseful: the leaf has ended, or the validator
// isn't in its session.
func (d *Distribution) Share(relayParent primitives.Hash, s Signed) Received {
	out := Received{RelayParent: relayParent, Bitfield: s}
	l := d.leaves[relayParent]
	switch {
	case l == nil:
	case !l.active:
		out.Note = l.hold(primitives.NodeID{}, s)
	case s.Validator < uint32(l.validators):
		out.Note = l.compare(s)
	}
	return d.spread(l, out)
}

// hold keeps a bitfield for later.
func (l *leaf) hold(from primitives.NodeID, s Signed) Note {
	of := 0
	for _, e := range l.early {
		if e.from == from {
			of++
		}
	}
	if of >= maxEarly {
		return NotUseful
	}
	l.early = append(l.early, early{from, s})
	return Early
}

// judge checks a peer's bitfield, cheapest check first: one that is here already is compared, not verified.
func (l *leaf) judge(s Signed, of *known) (Note, Conduct) {
	switch {
	case l.validators == 0:
		return NotUseful, NoValidators
	case s.Validator >= uint32(l.validators):
		return NotUseful, BadIndex
	case of.received[s.Validator]:
		return NotUseful, Duplicate
	}
	of.received[s.Validator] = true
	note := l.compare(s)
	switch {
	case note == Known:
		return Known, Valid
	case !l.verify(s):
		return NotUseful, BadSignature
	case note == Second:
		return Second, Valid
	}
	return Fresh, First
}

// compare tells what a bitfield is beside the one that is kept of its validator.
func (l *leaf) compare(s Signed) Note {
	kept, known := l.one[s.Validator]
	switch {
	case !known:
		return Fresh
	case kept.Equal(s):
		return Known
	}
	return Second
}

// spread keeps what is fresh, and sends it to those who lack it.
func (d *Distribution) spread(l *leaf, out Received) Received {
	if out.Note == Fresh {
		l.one[out.Bitfield.Validator], l.own[out.Bitfield.Validator] = out.Bitfield, out.From.IsZero()
		out.Sends = d.circulate(l, out.RelayParent, out.Bitfield)
	}
	return out
}
