package relayvm

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// usable is what CheckInherent leaves of an inherent.
func (n *network) usable(data *provisionerv1.InherentData) *provisionerv1.InherentData {
	n.t.Helper()
	at := vmsdk.RuntimeBlock{ID: n.last.ID(), Consensus: consensus(n.last)}
	b, err := n.vm.CheckInherent(ctx, at, raw(n.t, data))
	if err != nil {
		n.t.Fatal(err)
	}
	out := &provisionerv1.InherentData{}
	if err := proto.Unmarshal(b, out); err != nil {
		n.t.Fatal(err)
	}
	return out
}

func codeOf(code []byte) *candidate.Code {
	return &candidate.Code{Hash: primitives.HashOf(code), Size: uint64(len(code))}
}

// R3: each of these is wrong in one way. A block with it is invalid, for that reason; the author's dry run leaves it
// out and keeps the right one beside it.
func TestR3EachCandidateThatIsWrongHasItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		words  string
		change func(*network, *draft)
	}{
		"unscheduled": {"there is no para 999", func(_ *network, d *draft) {
			d.Descriptor.Collation.ParaID = 999
		}},
		"not in parent context": {"on which it may not be", func(_ *network, d *draft) {
			d.Descriptor.Collation.RelayParent = primitives.Hash{7}
		}},
		"insufficient backing": {"too few of its group", func(_ *network, d *draft) { d.voters = 1 }},
		"not signed by its collator": {"signature doesn't hold", func(_ *network, d *draft) {
			d.signer = alice
		}},
		"other validation data": {"validated against other data", func(_ *network, d *draft) {
			d.Descriptor.Collation.PersistedValidationDataHash = primitives.Hash{7}
		}},
		"other code": {"it was judged by the code", func(_ *network, d *draft) {
			d.Descriptor.Collation.ValidationCodeHash = primitives.Hash{7}
		}},
		"another head than its descriptor's": {"not what the candidate's descriptor names", func(_ *network, d *draft) {
			d.Commitments.HeadData = []byte("other")
		}},
		"head data too large": {"HEAD_DATA_TOO_LARGE", func(_ *network, d *draft) {
			d.Commitments.HeadData = make([]byte, 33<<10)
			d.Descriptor.Collation.ParaHead = primitives.HashOf(d.Commitments.HeadData)
		}},
		"new code that nobody has uploaded": {"NEW_CODE_TOO_LARGE", func(_ *network, d *draft) {
			d.Commitments.NewValidationCode = &candidate.Code{Hash: primitives.Hash{7}, Size: 5}
		}},
		"premature code upgrade": {"PREMATURE_CODE_UPGRADE", func(n *network, d *draft) {
			d.Commitments.NewValidationCode = codeOf(oldCode)
			for _, m := range []*machine{n.machine, n.other} {
				m.last.after.world.paras[100].Upgrade = &Upgrade{At: 99}
			}
		}},
		"downward messages that were never sent": {"INCORRECT_DOWNWARD_MESSAGES", func(_ *network, d *draft) {
			d.Commitments.ProcessedDownwardMessages = 1
		}},
		"too many upward messages": {"INVALID_UPWARD_MESSAGES", func(_ *network, d *draft) {
			d.Commitments.UpwardMessages = make([][]byte, 17)
		}},
		"an upward message too long": {"INVALID_UPWARD_MESSAGES", func(_ *network, d *draft) {
			d.Commitments.UpwardMessages = [][]byte{make([]byte, 33<<10)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			n := startNetwork(t, 6, nil)
			bad := n.made(100, free, "head 1", func(d *draft) { c.change(n, d) })
			good := n.made(101, free, "head 1", nil)
			contains(t, "a block", n.try(offers(bad, good)), c.words)
			left := n.usable(offers(bad, good))
			if len(left.GetBackedCandidates()) != 1 || !proto.Equal(left.GetBackedCandidates()[0], good) {
				t.Errorf("the dry run leaves %d candidates", len(left.GetBackedCandidates()))
			}
			n.next(left)
		})
	}
}

func TestR3CandidatesOutOfOrderAreRefusedAndPutInOrder(t *testing.T) {
	n := startNetwork(t, 4, nil)
	a, b := n.made(100, free, "head 1", nil), n.made(101, free, "head 1", nil)
	contains(t, "a block", n.try(offers(b, a)), "it comes after one that")
	left := n.usable(offers(b, a))
	if len(left.GetBackedCandidates()) != 2 || !proto.Equal(left.GetBackedCandidates()[0], a) {
		t.Errorf("%v", left)
	}
}

func TestR3AParaWhoseCandidateStillWaitsTakesNoOther(t *testing.T) {
	n := startNetwork(t, 4, nil)
	n.next(offers(n.made(100, free, "head 1", nil)))
	contains(t, "a block", n.try(offers(n.made(100, included, "head 2", nil))), "neither available nor out of time")
}

func TestR3OnlyTheCollatorThatACoreIsClaimedForMayUseIt(t *testing.T) {
	n := startNetwork(t, 4, func(g *Genesis) {
		g.Paras, g.Configuration.ThreadCores = g.Paras[:1], 1
		g.Paras[0].Kind = Parathread
	})
	if why := n.does(alice, Claim{Para: 100, Collator: public(bob)}); why != "" {
		t.Fatal(why)
	}
	contains(t, "a block", n.try(offers(n.made(100, free, "head 1", nil))), "claimed for another collator")
	n.next(offers(n.made(100, free, "head 1", func(d *draft) {
		d.Descriptor.Collation.Collator, d.signer = public(bob), bob
	})))
}

// Half-broken storage: the scheduler has a candidate of which nothing else is known.
func TestR3ACandidateOfWhichOnlyTheCoreIsKnownLeavesWithoutConsequences(t *testing.T) {
	n := startNetwork(t, 4, nil)
	n.next(offers(n.made(100, free, "head 1", nil)))
	for _, m := range []*machine{n.machine, n.other} {
		delete(m.last.after.world.pending, 100)
	}
	if occupied := n.askCores()[0].GetOccupied(); occupied == nil || occupied.GetDescriptor_() != nil {
		t.Errorf("%v", occupied)
	}
	n.available(0, 3)
	if n.head(100) != "head 0" || n.happened() != nil || n.askCores()[0].GetScheduled().GetPara() != 100 {
		t.Errorf("the head is %q, events %v", n.head(100), n.happened())
	}
}

func TestR5ASessionChangeWipesWhatWaitsAndReplacesTheValidators(t *testing.T) {
	n := startNetwork(t, 4, func(g *Genesis) { g.Configuration.SessionLength = 4 })
	var set Validators
	for i := range 3 {
		k := public(key(byte(i + 1)))
		set = append(set, Validator{PublicKey: k, NodeID: primitives.NodeID(k), Stake: 2})
	}
	config := n.last.after.world.config.Active
	config.MaxHeadDataSize = 100
	if why := n.does(rule, set, Configure{config}); why != "" {
		t.Fatal(why)
	}
	n.next(offers(n.made(100, free, "head 1", nil)))
	n.available(0, 2)
	if c := n.signing(); c.Session != 0 || n.last.after.world.pending[100] == nil {
		t.Fatalf("session %d", c.Session)
	}
	n.grow(1)
	w := n.last.after.world
	if c := n.signing(); c.Session != 1 || len(w.pending) != 0 || w.cores.Cores[0] != nil {
		t.Errorf("session %d, pending %v", c.Session, w.pending)
	}
	q := &request{Kind: &runtimeapiv1.RuntimeApiRequest_Validators{}}
	if v := n.ask(n.last, q).GetValidators().GetValidators(); len(v) != 3 || v[0].GetStake() != 2 {
		t.Errorf("%v", v)
	}
	if w.config.Active.MaxHeadDataSize != 100 || n.head(100) != "head 0" {
		t.Errorf("%+v", w.config)
	}
	n.next(offers(n.made(100, free, "head 1", nil))) // by groups of the new set
	n.available(0, 3)
	if n.head(100) != "head 1" {
		t.Errorf("the head is %q", n.head(100))
	}
}

// R6 and R9: with rotation every 10 blocks and a period of 3, a candidate has its time only within 3 blocks after a
// rotation.
func TestR6AndR9WhatHasHadItsTimeIsDroppedAfterARotation(t *testing.T) {
	n := startNetwork(t, 6, func(g *Genesis) {
		g.Configuration.GroupRotationFrequency, g.Configuration.ChainAvailabilityPeriod = 10, 3
	})
	n.grow(3)
	n.next(offers(n.made(100, free, "head 1", nil)))
	for n.last.Height() < 10 {
		n.next(nil)
		if got := n.happened(); got != nil {
			t.Fatalf("at %d: %v", n.last.Height(), got)
		}
	}
	n.next(offers(n.made(100, timedOut, "head 1'", nil)))
	if got := n.happened(); !slices.Equal(got, []string{"timed out", "backed"}) || n.head(100) != "head 0" {
		t.Errorf("at %d: %v", n.last.Height(), got)
	}
}

func TestR10ClaimsAreBoundedAndLapse(t *testing.T) {
	n := startNetwork(t, 4, func(g *Genesis) {
		g.Configuration.ThreadCores, g.Configuration.ThreadRetries, g.Configuration.SchedulingLookahead = 1, 1, 2
		for i, id := range []uint32{200, 201, 202} {
			thread := GenesisPara{ID: id, Owner: public(alice), Kind: Parathread, Head: []byte{byte(i)}, Code: oldCode}
			g.Paras = append(g.Paras, thread)
		}
	})
	why := n.does(alice, Claim{Para: 200}, Claim{Para: 200}, Claim{Para: 201}, Claim{Para: 202}, Claim{Para: 100})
	for _, words := range []string{"has a claim already", "as many claims wait", "needs no claim"} {
		if !strings.Contains(why, words) {
			t.Errorf("%q doesn't say %q", why, words)
		}
	}
	if got := n.askCores()[2].GetScheduled().GetPara(); got != 200 {
		t.Errorf("para %d is next", got)
	}
	n.grow(5)
	if left := n.last.after.world.cores.Queue; len(left) != 0 {
		t.Errorf("claims that nobody used: %v", left)
	}
}

// T9: one bad thing doesn't take the rest of an inherent with it.
func TestT9OneBadThingDoesNotTakeTheOthersWithIt(t *testing.T) {
	n := startNetwork(t, 6, nil)
	n.next(offers(n.made(100, free, "head 1", nil)))
	forged := n.bits(1, 0)
	forged.Signature[0] ^= 1
	data := offers(&primitivesv1.BackedCandidate{}, n.made(101, free, "head 1", nil))
	data.Bitfields = []*primitivesv1.SignedAvailabilityBitfield{
		n.bits(0, 0), forged, n.bits(2, 1), {Validator: 3}, n.bits(4, 0), n.bits(0, 0),
	}
	left := n.usable(data)
	if len(left.GetBitfields()) != 2 || len(left.GetBackedCandidates()) != 1 {
		t.Errorf("%d bitfields and %d candidates are left", len(left.GetBitfields()), len(left.GetBackedCandidates()))
	}
	n.next(left)
	if again := n.usable(&provisionerv1.InherentData{}); !proto.Equal(again, &provisionerv1.InherentData{}) {
		t.Error("an empty inherent isn't always valid")
	}
}

func TestAnInherentIsBoundedInBytesAndElements(t *testing.T) {
	n := startNetwork(t, 4, nil)
	for what, raw := range map[string][]byte{
		"1048577 bytes, at most": bytes.Repeat([]byte{1}, budget.Bytes+1),
		// Each of these two bytes would become a bitfield, dozens of bytes long.
		"more than 131072 elements": bytes.Repeat([]byte{1<<3 | 2, 0}, budget.Elements+1),
		"unexpected EOF":            {0xff},
	} {
		_, err := n.vm.BuildBlock(ctx, n.last, n.in(raw))
		contains(t, what, err, what)
	}
}

// One block names one inherent, one consensus block below it and one time: nobody can wrap it into another.
func TestABlockIsValidOnlyInTheContextThatItNames(t *testing.T) {
	n := startNetwork(t, 4, nil)
	c := n.in(raw(t, offers(n.made(100, free, "head 1", nil))))
	b, err := n.vm.BuildBlock(ctx, n.last, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Verify(ctx, n.last, c); err != nil {
		t.Fatal(err)
	}
	other, err := n.other.vm.ParseBlock(ctx, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]vmsdk.BuildContext{
		"another inherent": {Parent: c.Parent, Time: c.Time},
		"another parent":   {Inherent: c.Inherent, Time: c.Time, Parent: vmsdk.ID{9}},
		"another time":     {Inherent: c.Inherent, Parent: c.Parent, Time: c.Time.Add(1e9)},
	} {
		if err := other.Verify(ctx, n.other.last, wrong); err == nil {
			t.Errorf("%s is taken", name)
		}
		if err := b.(vmsdk.Bound).Fits(wrong); err == nil {
			t.Errorf("%s is taken of a block that is verified", name)
		}
	}
}
