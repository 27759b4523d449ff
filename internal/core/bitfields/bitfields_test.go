package bitfields

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
)

const (
	validators         = 4
	alice, bob, claire = 0, 1, 2
)

// The peers, who are no validators of that name, and the relay parents.
var (
	peerA, peerB, peerC = primitives.NodeID{1}, primitives.NodeID{2}, primitives.NodeID{3}
	rp, other           = primitives.Hash{'r'}, primitives.Hash{'o'}
)

// of is a bitfield of a validator with one of three cores set. All with the wrong mark have a wrong signature.
func of(validator, core uint32) Signed {
	return Signed{Validator: validator, Cores: primitives.NewBits(3, core), Signature: [64]byte{1}}
}

func forged(s Signed) Signed {
	s.Signature[0] = 'x'
	return s
}

func right(s Signed) bool { return s.Signature[0] != 'x' }

// node is one that works on rp, with peers that have it in view.
func node(peers ...primitives.NodeID) *Distribution {
	d := New(1)
	d.Begin(rp)
	d.Activate(rp, validators, right)
	for _, p := range peers {
		d.Connected(p)
		d.PeerView(p, view.View{rp})
	}
	return d
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// from is what comes of a peer's bitfield.
func from(p primitives.NodeID, s Signed, c Conduct, n Note, to ...primitives.NodeID) Received {
	out := Received{From: p, RelayParent: rp, Bitfield: s, Conduct: c, Note: n}
	if len(to) > 0 {
		out.Sends = []Send{{to, rp, s}}
	}
	return out
}

// F1.
func TestABadSignatureCostsAndGoesNowhere(t *testing.T) {
	d := node(peerA, peerB)
	s := forged(of(alice, 0))
	want(t, d.Receive(peerA, rp, s), from(peerA, s, BadSignature, NotUseful))
	want(t, BadSignature.Value, int32(-100))
	// The validator's own comes from somebody else. Who has made one up for it is taken at its word: it has one.
	s = of(alice, 0)
	want(t, d.Receive(peerB, rp, s), from(peerB, s, First, Fresh))
}

// F2.
func TestWhatIsOutOfPlaceCosts(t *testing.T) {
	d := node(peerA, peerB)
	s := of(validators, 0)
	want(t, d.Receive(peerA, rp, s), from(peerA, s, BadIndex, NotUseful))
	want(t, BadIndex.Value, int32(-100))

	out := d.Receive(peerA, other, of(alice, 0))
	want(t, []any{out.Conduct, out.Note, len(out.Sends)}, []any{OutOfView, NotUseful, 0})
	want(t, OutOfView.Value, int32(-51))

	d.Begin(other)
	d.Activate(other, 0, right)
	out = d.Receive(peerA, other, of(alice, 0))
	want(t, []any{out.Conduct, out.Note, len(out.Sends)}, []any{NoValidators, NotUseful, 0})
	want(t, NoValidators.Value, int32(-133))
}

// F4.
func TestABitfieldGoesToEachPeerOnceAndNotBack(t *testing.T) {
	d := node(peerA, peerB)
	d.Connected(peerC) // looks at something else
	d.PeerView(peerC, view.View{other})
	s := of(alice, 0)
	want(t, d.Receive(peerA, rp, s), from(peerA, s, First, Fresh, peerB))
	want(t, d.Receive(peerB, rp, s), from(peerB, s, Valid, Known)) // both were under way
	for _, p := range []primitives.NodeID{peerA, peerB} {
		want(t, d.PeerView(p, view.View{other}), []Send{})
		want(t, d.PeerView(p, view.View{rp}), []Send{})
	}
	want(t, []int32{First.Value, Valid.Value}, []int32{15, 10})
}

func TestAPeerThatComesToALeafIsSentWhatItLacks(t *testing.T) {
	d := node(peerA, peerB)
	for _, s := range []Signed{of(bob, 1), of(alice, 0)} {
		want(t, d.Share(rp, s), from(primitives.NodeID{}, s, Conduct{}, Fresh, peerA, peerB))
	}
	d.Connected(peerC)
	s := of(claire, 2)
	want(t, d.Receive(peerC, rp, s), from(peerC, s, First, Fresh, peerA, peerB))
	want(t, d.PeerView(peerC, view.View{other, rp}), []Send{
		{[]primitives.NodeID{peerC}, rp, of(alice, 0)}, {[]primitives.NodeID{peerC}, rp, of(bob, 1)},
	})
	// One that was away has forgotten.
	d.Disconnected(peerC)
	d.Connected(peerC)
	want(t, len(d.PeerView(peerC, view.View{rp})), 3)
}

func TestASecondBitfieldOfAValidatorFromOnePeerIsADuplicateWhateverItSays(t *testing.T) {
	d := node(peerA)
	d.Receive(peerA, rp, of(alice, 0))
	for _, s := range []Signed{of(alice, 0), of(alice, 1), forged(of(alice, 0))} {
		want(t, d.Receive(peerA, rp, s), from(peerA, s, Duplicate, NotUseful))
	}
	want(t, Duplicate.Value, int32(-500))
	// A forged one counts as well.
	d.Receive(peerA, rp, forged(of(bob, 0)))
	want(t, d.Receive(peerA, rp, of(bob, 0)), from(peerA, of(bob, 0), Duplicate, NotUseful))
}

// The correction of 2023: what is here already is compared before anything is verified.
func TestWhatIsHereAlreadyIsComparedAndNotVerified(t *testing.T) {
	d := New(1)
	d.Begin(rp)
	checked := 0
	d.Activate(rp, validators, func(s Signed) bool { checked++; return right(s) })
	for _, p := range []primitives.NodeID{peerA, peerB, peerC} {
		d.Connected(p)
	}
	d.Receive(peerA, rp, of(alice, 0))
	want(t, d.Receive(peerB, rp, of(alice, 0)), from(peerB, of(alice, 0), Valid, Known))
	want(t, checked, 1)
	// One that only looks similar is verified, and doesn't take the place of the first.
	want(t, d.Receive(peerC, rp, forged(of(alice, 0))), from(peerC, forged(of(alice, 0)), BadSignature, NotUseful))
	want(t, checked, 2)
}

func TestOfTwoBitfieldsOfAValidatorTheFirstGoesRoundAndTheSecondIsNobodysFault(t *testing.T) {
	d := node(peerA, peerB, peerC)
	d.Receive(peerA, rp, of(alice, 0))
	want(t, d.Receive(peerB, rp, of(alice, 1)), from(peerB, of(alice, 1), Valid, Second))
	want(t, d.Share(rp, of(alice, 2)), from(primitives.NodeID{}, of(alice, 2), Conduct{}, Second))
	want(t, d.Share(rp, of(alice, 0)), from(primitives.NodeID{}, of(alice, 0), Conduct{}, Known))
}

// Blocks are imported at slightly different times, and what must be known of one is asked for first.
func TestWhatComesBeforeTheLeafIsActiveIsHeldAndJudgedThen(t *testing.T) {
	d := New(1)
	for _, p := range []primitives.NodeID{peerA, peerB, peerC} {
		d.Connected(p)
		d.PeerView(p, view.View{rp})
	}
	d.Begin(rp)
	d.Begin(rp) // changes nothing
	for _, in := range []struct {
		p primitives.NodeID
		s Signed
	}{{peerA, of(alice, 0)}, {peerC, of(bob, 1)}, {peerB, forged(of(claire, 2))}} {
		want(t, d.Receive(in.p, rp, in.s), from(in.p, in.s, Conduct{}, Early))
	}
	own := of(3, 0)
	want(t, d.Share(rp, own), from(primitives.NodeID{}, own, Conduct{}, Early))
	kept, waiting := d.Held()
	want(t, []int{kept, waiting}, []int{0, 4})
	d.Disconnected(peerC)
	want(t, d.Activate(rp, validators, right), []Received{
		from(peerA, of(alice, 0), First, Fresh, peerB),
		from(peerB, forged(of(claire, 2)), BadSignature, NotUseful),
		from(primitives.NodeID{}, own, Conduct{}, Fresh, peerA, peerB),
	})
	want(t, d.Activate(rp, validators, right), []Received(nil))
	kept, waiting = d.Held()
	want(t, []int{kept, waiting}, []int{2, 0})
}

func TestALeafThatHasEndedIsForgottenAndWhatWasUnderWayCostsNothing(t *testing.T) {
	d := node(peerA, peerB)
	d.Receive(peerA, rp, of(alice, 0))
	d.End(rp)
	d.End(rp)
	want(t, d.Receive(peerB, rp, of(bob, 1)), from(peerB, of(bob, 1), Conduct{}, NotUseful))
	want(t, d.Share(rp, of(bob, 1)), from(primitives.NodeID{}, of(bob, 1), Conduct{}, NotUseful))
	want(t, d.Activate(rp, validators, right), []Received(nil))
	kept, waiting := d.Held()
	want(t, []int{kept, waiting, len(d.peers[0].knows)}, []int{0, 0, 0})
	for i := range pastLeaves {
		h := primitives.Hash{byte(i)}
		d.Begin(h)
		d.End(h)
	}
	want(t, d.Receive(peerB, rp, of(bob, 1)), from(peerB, of(bob, 1), OutOfView, NotUseful))
	want(t, len(d.past), pastLeaves)
	// A leaf may come back: its child was refused.
	d.Begin(primitives.Hash{0})
	d.Activate(primitives.Hash{0}, validators, right)
	want(t, d.Receive(peerB, primitives.Hash{0}, of(bob, 1)).Note, Fresh)
}

func TestWhoIsNotConnectedSaysNothing(t *testing.T) {
	d := node(peerA)
	d.Connected(peerA) // changes nothing
	want(t, d.Peers(), []primitives.NodeID{peerA})
	d.Disconnected(peerA)
	d.Disconnected(peerA)
	want(t, d.Receive(peerA, rp, of(alice, 0)), from(peerA, of(alice, 0), Conduct{}, NotUseful))
	want(t, d.PeerView(peerA, view.View{rp}), []Send{})
	d.Connected(primitives.NodeID{})
	want(t, len(d.Peers()), 0)
}

// A peer sends all that it can before a leaf is active, and after.
func TestWhatOnePeerMakesThisNodeKeepIsBounded(t *testing.T) {
	const many = 200
	d := New(1)
	d.Begin(rp)
	d.Connected(peerA)
	d.Connected(peerB)
	for i := range uint32(many) {
		d.Receive(peerA, rp, of(i, i))
	}
	_, waiting := d.Held()
	want(t, waiting, maxEarly)
	want(t, d.Receive(peerB, rp, of(bob, 0)).Note, Early) // has room of its own
	d.Activate(rp, many, right)
	for range 2 {
		for i := range uint32(2 * many) {
			d.Receive(peerA, rp, of(i, i))
		}
	}
	kept, _ := d.Held()
	k := d.peers[0].knows[rp]
	want(t, []int{kept, len(k.received), len(k.sent), len(d.peers[0].knows)}, []int{many, many, 0, 1})
	var long view.View
	for i := range byte(3 * view.MaxHeads) {
		long = append(long, primitives.Hash{i})
	}
	d.PeerView(peerA, long)
	want(t, len(d.peers[0].view), view.MaxHeads)
}
