package bitfields

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/relaying"
	"github.com/reevenet/reeve/internal/core/view"
)

// peer is what is known of a peer.
type peer struct {
	id    primitives.NodeID
	place relaying.Place
	view  view.View
	knows map[primitives.Hash]*known // by leaf
}

// known are the validators whose bitfields about a leaf went to a peer and came from it.
type known struct{ sent, received map[uint32]bool }

// at is what a peer knows of a leaf.
func (p *peer) at(relayParent primitives.Hash) *known {
	k := p.knows[relayParent]
	if k == nil {
		k = &known{sent: map[uint32]bool{}, received: map[uint32]bool{}}
		p.knows[relayParent] = k
	}
	return k
}

// wants tells whether the peer is to be sent the validator's bitfield, and notes that it is.
func (p *peer) wants(relayParent primitives.Hash, validator uint32) bool {
	if !slices.Contains(p.view, relayParent) {
		return false
	}
	k := p.at(relayParent)
	if k.sent[validator] || k.received[validator] {
		return false
	}
	k.sent[validator] = true
	return true
}

func (d *Distribution) find(id primitives.NodeID) (int, bool) {
	return slices.BinarySearchFunc(d.peers, id, func(p *peer, id primitives.NodeID) int { return p.id.Compare(id) })
}

// Connected tells of a peer, whose view is empty until PeerView. One that is connected stays as it is. The zero id is
// nobody's.
func (d *Distribution) Connected(id primitives.NodeID) {
	if at, connected := d.find(id); !connected && !id.IsZero() {
		d.peers = slices.Insert(d.peers, at, &peer{id: id, place: d.relay.Of(id), knows: map[primitives.Hash]*known{}})
	}
}

// Disconnected forgets a peer, and what of it is held.
func (d *Distribution) Disconnected(id primitives.NodeID) {
	at, connected := d.find(id)
	if !connected {
		return
	}
	d.peers = slices.Delete(d.peers, at, at+1)
	for _, l := range d.leaves {
		l.early = slices.DeleteFunc(l.early, func(e early) bool { return e.from == id })
	}
}

// Peers lists those that are connected, in the order of their ids.
func (d *Distribution) Peers() []primitives.NodeID {
	ids := make([]primitives.NodeID, 0, len(d.peers))
	for _, p := range d.peers {
		ids = append(ids, p.id)
	}
	return ids
}

// PeerView tells which heads a peer works on now. Of those on which this node works, too, it is sent what it lacks, in
// the order of its view and of the validators. The view of somebody who isn't connected is nothing.
func (d *Distribution) PeerView(id primitives.NodeID, v view.View) (sends []Send) {
	at, connected := d.find(id)
	if !connected {
		return nil
	}
	p := d.peers[at]
	p.view = slices.Clone(v[:min(len(v), view.MaxHeads)])
	for _, relayParent := range p.view {
		l := d.leaves[relayParent]
		if l == nil {
			continue
		}
		for _, validator := range slices.Sorted(maps.Keys(l.one)) {
			if d.due(l, relayParent, validator).Chosen(p.place) && p.wants(relayParent, validator) {
				sends = append(sends, Send{[]primitives.NodeID{id}, relayParent, l.one[validator]})
			}
		}
	}
	return sends
}

// circulate sends a bitfield to those who lack it and are to have it from this node.
func (d *Distribution) circulate(l *leaf, relayParent primitives.Hash, s Signed) []Send {
	send := Send{RelayParent: relayParent, Bitfield: s}
	draw := d.due(l, relayParent, s.Validator)
	for _, p := range d.peers {
		if draw.Chosen(p.place) && p.wants(relayParent, s.Validator) {
			send.Peers = append(send.Peers, p.id)
		}
	}
	if send.Peers == nil {
		return nil
	}
	return []Send{send}
}

// due draws who is to have a validator's bitfield from this node.
func (d *Distribution) due(l *leaf, relayParent primitives.Hash, validator uint32) relaying.Draw {
	if l.own[validator] {
		return relaying.About(relayParent, 0)
	}
	about := relayParent
	binary.LittleEndian.PutUint32(about[:], binary.LittleEndian.Uint32(about[:])^validator)
	return relaying.About(about, len(d.peers))
}
