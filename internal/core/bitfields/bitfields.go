// Package bitfields decides which signed availability bitfields go to which peer, and what a bitfield from a peer is
// worth. It is pure. It holds, for each leaf on which this node works, one bitfield of each validator, the first that
// came, and which of them each peer has sent or was sent; it neither sends nor verifies.
//
// The rules:
//
//   - this node's own bitfield goes to all peers that have its relay parent in view, another one's to some of them
//     (package relaying); once, and not to who has sent it;
//   - of a validator one bitfield goes round, whatever else it has signed;
//   - what is known of a relay parent lasts exactly as long as the leaf, so no view that changes to and fro has
//     anything sent twice, or makes a duplicate of what an honest peer sends once.
//
// Peers are told this node's view by its network bridge, perhaps before it has learned what it must know of the leaf to
// judge a bitfield. What comes in between is held, a few of each peer, and judged then. And they learn later than this
// node that a leaf has ended: what comes for one that ended lately costs nothing.
package bitfields

import (
	"bytes"
	"maps"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/relaying"
	"github.com/reevenet/reeve/internal/core/view"
)

// Signed says of which cores' candidates a validator holds its chunk, with its signature.
type Signed struct {
	Validator uint32
	Cores     primitives.Bits
	Signature [64]byte
}

// Equal tells whether the two are the same in all.
func (s Signed) Equal(o Signed) bool {
	return s.Validator == o.Validator && s.Signature == o.Signature && s.Cores.Length == o.Cores.Length &&
		bytes.Equal(s.Cores.Bytes, o.Cores.Bytes)
}

// Send is a bitfield that is to be sent to some peers, at least one, in the order of their ids.
type Send struct {
	Peers       []primitives.NodeID
	RelayParent primitives.Hash
	Bitfield    Signed
}

// Verify tells whether a bitfield's signature is that of its validator, in the context of the relay parent. It is asked
// only about validators of the session.
type Verify func(Signed) bool

// pastLeaves is of how many leaves that have ended bitfields are expected to be under way still.
const pastLeaves = 2 * view.MaxHeads

// Distribution is all that this node knows. It has one caller at a time.
type Distribution struct {
	relay  relaying.Choice
	leaves map[primitives.Hash]*leaf
	past   []primitives.Hash // that have ended, the last ones
	peers  []*peer           // in the order of their ids
}

// New makes a Distribution without peers and leaves.
func New(relay relaying.Choice) *Distribution {
	return &Distribution{relay: relay, leaves: map[primitives.Hash]*leaf{}}
}

// leaf is a relay parent on which this node works.
type leaf struct {
	active     bool // what must be known of it is
	validators int
	verify     Verify
	one        map[uint32]Signed // by validator
	own        map[uint32]bool   // of one: this node's
	early      []early           // until it is active
}

// early is a bitfield that came before it could be judged; the zero id stands for this node.
type early struct {
	from     primitives.NodeID
	bitfield Signed
}

// Begin begins with a leaf: bitfields about it are held. One that has begun stays as it is.
func (d *Distribution) Begin(relayParent primitives.Hash) {
	if d.leaves[relayParent] == nil {
		d.leaves[relayParent] = &leaf{one: map[uint32]Signed{}, own: map[uint32]bool{}}
		d.past = slices.DeleteFunc(d.past, func(h primitives.Hash) bool { return h == relayParent })
	}
}

// Activate tells how many validators a leaf's session has and how their signatures are checked, and judges what was
// held, in the order in which it came. A leaf that hasn't begun, or is active, stays as it is.
func (d *Distribution) Activate(relayParent primitives.Hash, validators int, verify Verify) (judged []Received) {
	l := d.leaves[relayParent]
	if l == nil || l.active {
		return nil
	}
	held := l.early
	l.active, l.validators, l.verify, l.early = true, validators, verify, nil
	for _, e := range held {
		if e.from.IsZero() {
			judged = append(judged, d.Share(relayParent, e.bitfield))
			continue
		}
		judged = append(judged, d.Receive(e.from, relayParent, e.bitfield))
	}
	return judged
}

// Early lists what is held about a leaf until it is active.
func (d *Distribution) Early(relayParent primitives.Hash) (list []Signed) {
	if l := d.leaves[relayParent]; l != nil {
		for _, e := range l.early {
			list = append(list, e.bitfield)
		}
	}
	return list
}

// Kept lists the bitfields about a leaf that are kept, in the order of their validators.
func (d *Distribution) Kept(relayParent primitives.Hash) (list []Signed) {
	if l := d.leaves[relayParent]; l != nil {
		for _, v := range slices.Sorted(maps.Keys(l.one)) {
			list = append(list, l.one[v])
		}
	}
	return list
}

// End forgets a leaf, and what each peer knows of it.
func (d *Distribution) End(relayParent primitives.Hash) {
	if d.leaves[relayParent] == nil {
		return
	}
	delete(d.leaves, relayParent)
	d.past = append(d.past, relayParent)
	d.past = d.past[max(0, len(d.past)-pastLeaves):]
	for _, p := range d.peers {
		delete(p.knows, relayParent)
	}
}

// Held is how many bitfields are kept, and how many wait to be judged.
func (d *Distribution) Held() (kept, waiting int) {
	for _, l := range d.leaves { // the order doesn't show in the result
		kept += len(l.one)
		waiting += len(l.early)
	}
	return kept, waiting
}
