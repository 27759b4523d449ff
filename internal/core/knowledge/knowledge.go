// Package knowledge decides which statements about candidates go to which peer, and what a statement from a peer is
// worth. It is pure. It holds what each peer knows of each relay parent, the statements of the relay parents on which
// this node works, and both sides' views; it neither sends nor verifies, and of a candidate it holds the hash: its
// caller keeps the receipts of what was Fresh, and puts them into what it sends.
//
// The rules, which hold in both directions on every link:
//
//   - this node's own statement goes to all peers that have its relay parent in view, another one's to some of them,
//     the same for all about one candidate (package relaying); once, and not back to who has sent it;
//   - what depends on a candidate never goes before a Seconded of it;
//   - of a validator at most two candidates are seconded: one is its right, the second proves that it has done wrong;
//   - about a candidate there are at most 2n statements, with n validators, and of a validator at most maxWords.
//
// So an honest node sends nothing that an honest node would charge it for, and what a peer makes this node keep is
// bounded by numbers that no peer can change (MostKept). Knowledge of a relay parent lasts while both have it in view.
package knowledge

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/relaying"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/core/view"
)

// Send is what is to be sent to a peer about a relay parent, in this order. It is never empty.
type Send struct {
	Peer        primitives.NodeID
	RelayParent primitives.Hash
	Statements  []statements.Signed
}

// Distribution is all that this node knows. It has one caller at a time.
type Distribution struct {
	relay relaying.Choice
	ours  view.View
	past  []primitives.Hash // that have left this node's view, the last ones
	heads map[primitives.Hash]*head
	peers []*peer // in the order of their ids
}

// peer is what is known of a peer.
type peer struct {
	id     primitives.NodeID
	place  relaying.Place
	view   view.View
	past   []primitives.Hash            // that have left its view, the last ones
	shared map[primitives.Hash]*sharing // by relay parent that both have in view
}

// New makes a Distribution without peers and relay parents.
func New(relay relaying.Choice) *Distribution {
	return &Distribution{relay: relay, heads: map[primitives.Hash]*head{}}
}

func (d *Distribution) find(id primitives.NodeID) (int, bool) {
	return slices.BinarySearchFunc(d.peers, id, func(p *peer, id primitives.NodeID) int { return p.id.Compare(id) })
}

// Activate begins to take statements of a relay parent, whose session has so many validators. One that is active stays
// as it is.
func (d *Distribution) Activate(relayParent primitives.Hash, validators int) {
	if d.heads[relayParent] == nil {
		d.heads[relayParent] = newHead(validators)
	}
}

// Deactivate forgets the statements of a relay parent. What peers know of it is forgotten when it leaves a view.
func (d *Distribution) Deactivate(relayParent primitives.Hash) { delete(d.heads, relayParent) }

// Connected tells of a peer, whose view is empty until PeerView.
func (d *Distribution) Connected(id primitives.NodeID) {
	if at, known := d.find(id); !known {
		p := &peer{id: id, place: d.relay.Of(id), shared: map[primitives.Hash]*sharing{}}
		d.peers = slices.Insert(d.peers, at, p)
	}
}

// Disconnected forgets a peer.
func (d *Distribution) Disconnected(id primitives.NodeID) {
	if at, known := d.find(id); known {
		d.peers = slices.Delete(d.peers, at, at+1)
	}
}

// PeerView tells which heads a peer works on now. What it hasn't had in view before, and is in this node's, it is told
// of. The view of somebody who isn't connected is nothing.
func (d *Distribution) PeerView(id primitives.NodeID, v view.View) []Send {
	at, known := d.find(id)
	if !known {
		return nil
	}
	p := d.peers[at]
	p.past = left(p.past, p.view, v)
	p.view = clip(v)
	return d.share(p)
}

// Shares tells whether a peer and this node both have a relay parent in view.
func (d *Distribution) Shares(id primitives.NodeID, relayParent primitives.Hash) bool {
	at, known := d.find(id)
	return known && d.peers[at].shared[relayParent] != nil
}

// pastHeads is of how many relay parents that have left a view statements are expected to be under way still. A node
// tells of its view before it hears itself that it has another one, so what it says just then is about the one before.
const pastHeads = 2 * view.MaxHeads

// OurView tells what this node's view is now. It must have been told to the peers before, so that they expect what is
// to be sent to them for it.
func (d *Distribution) OurView(v view.View) (sends []Send) {
	d.past = left(d.past, d.ours, v)
	d.ours = clip(v)
	for _, p := range d.peers {
		sends = append(sends, d.share(p)...)
	}
	return sends
}

// left adds to what has left a view what leaves it now.
func left(past []primitives.Hash, before, now view.View) []primitives.Hash {
	for _, rp := range before {
		if !slices.Contains(now, rp) {
			past = append(slices.DeleteFunc(past, func(h primitives.Hash) bool { return h == rp }), rp)
		}
	}
	return past[max(0, len(past)-pastHeads):]
}

// clip copies a view, of at most as many heads as one has.
func clip(v view.View) view.View { return slices.Clone(v[:min(len(v), view.MaxHeads)]) }

// share forgets what a peer knows of relay parents that not both have in view any more, for it forgets that, too, and
// begins with those that are new.
func (d *Distribution) share(p *peer) (sends []Send) {
	for rp := range p.shared { // the order doesn't show in the result
		if !slices.Contains(d.ours, rp) || !slices.Contains(p.view, rp) {
			delete(p.shared, rp)
		}
	}
	for _, rp := range d.ours {
		if p.shared[rp] != nil || !slices.Contains(p.view, rp) {
			continue
		}
		p.shared[rp] = newSharing()
		if h := d.heads[rp]; h != nil {
			sends = d.send(sends, p, rp, h, h.all())
		}
	}
	return sends
}

// All lists the statements of a relay parent, Seconded first.
func (d *Distribution) All(relayParent primitives.Hash) []statements.Signed {
	if h := d.heads[relayParent]; h != nil {
		return h.all()
	}
	return nil
}

// send adds what of a list a peer may be sent, and is to have from this node.
func (d *Distribution) send(sends []Send, p *peer, rp primitives.Hash, h *head, list []statements.Signed) []Send {
	list = slices.DeleteFunc(list, func(s statements.Signed) bool { return !d.due(p, h, s) })
	if list = p.shared[rp].choose(list, h.validators); len(list) > 0 {
		sends = append(sends, Send{p.id, rp, list})
	}
	return sends
}

// due tells whether a peer is to have a statement from this node.
func (d *Distribution) due(p *peer, h *head, s statements.Signed) bool {
	return h.own(s) || relaying.About(s.Candidate, len(d.peers)).Chosen(p.place)
}
