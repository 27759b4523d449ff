package engine

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
)

// relaying is the part that gets inherents, on the relay chain.
type relaying struct {
	*alone
	*inherents
	wanted int // blocks
}

func testRelaying(t *testing.T) *relaying {
	r := &relaying{alone: testAlone(t)}
	r.inherents = &inherents{sub: r.alone.sub, relay: true, want: func() { r.wanted++ }}
	return r
}

var (
	aLeaf     = primitives.Hash{1}
	bitfield  = &provisionerv1.ProvisionableData{Kind: &provisionerv1.ProvisionableData_Bitfield{}}
	candidate = &provisionerv1.ProvisionableData{Kind: &provisionerv1.ProvisionableData_BackedCandidate{}}
	full      = &provisionerv1.InherentData{BackedCandidates: []*primitivesv1.BackedCandidate{{}}}
	empty     = &provisionerv1.InherentData{}
)

func item(d *provisionerv1.ProvisionableData) proto.Message {
	return &provisionerv1.RequestBlockAuthorshipDataResponse{Data: d}
}

func inherent(d *provisionerv1.InherentData) proto.Message {
	return &provisionerv1.RequestInherentDataResponse{Inherent: d}
}

func (r *relaying) followed(leaf primitives.Hash) overseertest.Sent {
	r.do(func() { r.follow(leaf) })
	_, stream := overseertest.Expect[*provisionerv1.RequestBlockAuthorshipData](r.Overseer)
	return stream
}

func TestABlockIsWantedAtOnceWhenACandidateCanBePutOnItsCore(t *testing.T) {
	r := testRelaying(t)
	stream := r.followed(aLeaf)
	stream.Item(item(bitfield))
	r.ExpectNothing() // bitfields can wait
	stream.Item(item(candidate))
	_, ask := overseertest.Expect[*provisionerv1.RequestInherentData](r.Overseer)
	stream.Item(item(bitfield))
	r.ExpectNothing() // one question at a time
	ask.Reply(inherent(empty))
	if r.wanted != 0 {
		t.Fatal("the core isn't free, and a block is wanted")
	}
	_, ask = overseertest.Expect[*provisionerv1.RequestInherentData](r.Overseer) // the bitfield may have freed it
	ask.Reply(inherent(full))
	if r.wanted != 1 {
		t.Errorf("%d blocks are wanted", r.wanted)
	}
	r.ExpectNothing()
}

func TestALeafThatIsGoneWantsNoBlock(t *testing.T) {
	r := testRelaying(t)
	r.followed(aLeaf).Item(item(candidate))
	_, ask := overseertest.Expect[*provisionerv1.RequestInherentData](r.Overseer)
	r.followed(primitives.Hash{2})
	ask.Reply(inherent(full))
	if r.wanted != 0 {
		t.Error("a block is wanted on a leaf that is gone")
	}
}

func TestAProvisionerThatComesBackIsFollowedAgain(t *testing.T) {
	r := testRelaying(t)
	r.followed(aLeaf).Fail(subsystem.Unavailable, "restarted")
	r.Advance(time.Second)
	_, stream := overseertest.Expect[*provisionerv1.RequestBlockAuthorshipData](r.Overseer)
	stream.Fail(subsystem.Unavailable, "restarted")
	r.followed(primitives.Hash{2})
	r.Advance(time.Second)
	r.ExpectNothing() // nobody asks about the old leaf
}

func TestWithoutAProvisionerABlockHasNoInherent(t *testing.T) {
	big := &provisionerv1.InherentData{BackedCandidates: []*primitivesv1.BackedCandidate{{Receipt: committedOf(maxInherent)}}}
	for name, c := range map[string]struct {
		answer func(overseertest.Sent)
		some   bool
	}{
		"it selects a candidate": {func(s overseertest.Sent) { s.Reply(inherent(full)) }, true},
		"it has nothing":         {func(s overseertest.Sent) { s.Reply(inherent(empty)) }, false},
		"it is away":             {func(s overseertest.Sent) { s.Fail(subsystem.Unavailable, "away") }, false},
		"it gives too much":      {func(s overseertest.Sent) { s.Reply(inherent(big)) }, false},
	} {
		r, got := testRelaying(t), [][]byte{}
		r.do(func() { r.collect(aLeaf, func(b []byte) { got = append(got, b) }) })
		_, ask := overseertest.Expect[*provisionerv1.RequestInherentData](r.Overseer)
		c.answer(ask)
		if len(got) != 1 || (len(got[0]) > 0) != c.some {
			t.Errorf("%s: %d answers", name, len(got))
		}
	}
	r := testRelaying(t)
	r.relay = false
	r.do(func() { r.follow(aLeaf); r.collect(aLeaf, func([]byte) { r.wanted++ }) })
	r.ExpectNothing()
	if r.wanted != 1 {
		t.Error("another chain waits for an inherent")
	}
}

func committedOf(bytes int) *primitivesv1.CommittedCandidateReceipt {
	return &primitivesv1.CommittedCandidateReceipt{
		Commitments: &primitivesv1.CandidateCommitments{HeadData: make([]byte, bytes)},
	}
}
