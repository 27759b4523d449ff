package candidateselection

import (
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

func TestEveryVariantIsHandled(t *testing.T) {
	overseertest.Exhaustive(t, Spec(Config{Chain: "relay"}))
}

// The story of 2.15, from the advertisement to inclusion.
func TestACollationIsFetchedProposedAndFollowedToItsInclusion(t *testing.T) {
	w := start(t)
	c := candidate.Commitments{HeadData: []byte("next")}
	r := made(1, "pov")
	var err error
	if r.CommitmentsHash, err = c.Hash(); err != nil {
		t.Fatal(err)
	}
	name := r.Hash().Short()
	w.offers(1, r, "pov")
	w.expect("second " + name)
	w.seconds(1, r)
	w.seconds(0, r)
	w.seconds(0, r)
	w.expect("1: 50 a good collation", "tell 1: seconded by 0")
	w.backs(r, c)
	w.expect("tell 1: backed with 2")
	w.events[child] = []*runtimeapiv1.CandidateEvent{event1(runtimeapiv1.CandidateEvent_KIND_BACKED, r)}
	w.events[grandchild] = []*runtimeapiv1.CandidateEvent{event1(runtimeapiv1.CandidateEvent_KIND_INCLUDED, r)}
	w.stop(parent)
	w.leaf(child, parent, 10)
	w.expect()
	w.leaf(grandchild, child, 11)
	w.expect("tell 1: included in 11")
	want := []string{"seconded by 0", "backed with 2", "included in 11"}
	if a := w.watch(r); !a.Done || !slices.Equal(steps(a), want) {
		t.Error(steps(a), a.Done)
	}
}

// A proof that is longer than a frame is fetched by ranges.
func TestALongProofIsFetchedInParts(t *testing.T) {
	w := start(t)
	pov := string(make([]byte, collatorv1.MaxPart)) + "the rest"
	r := made(1, pov)
	w.advertise(1, r, len(pov))
	w.sends(w.fetched(1), pov)
	w.expect()
	rest := w.fetched(1)
	if rest.q.GetOffset() != collatorv1.MaxPart || rest.q.GetLength() != 8 {
		t.Error(rest.q)
	}
	w.sends(rest, pov)
	w.expect("second " + r.Hash().Short())
}

// 2.6: declare first, a relay parent in view, once per peer and relay parent; else -10.
func TestAdvertisementsAreTakenByTheirRules(t *testing.T) {
	w := start(t)
	w.connect(4)
	w.advertise(4, made(4, "a"), 1)
	w.expect("4: -10 " + undeclared.reason)
	w.advertise(1, made(2, "a"), 1)
	w.expect("1: -10 " + undeclared.reason)
	w.advertise(1, made(1, "a", func(c *signbytes.Collation) { c.ParaID = 8 }), 1)
	w.expect("1: -10 " + undeclared.reason)
	w.advertise(1, made(1, "a", func(c *signbytes.Collation) { c.RelayParent = child }), 1)
	w.expect("1: -10 " + outOfView.reason)
	w.advertise(1, made(1, "a"), 1)
	w.advertise(1, made(1, "b"), 1)
	w.expect("1: -10 " + twice.reason)
	w.declare(1, 1, para)
	w.declare(1, 1, 8)
	w.expect("1: -10 " + redeclared.reason)
	w.says(2, []byte("nonsense"))
	w.expect("2: -500 " + unreadable.reason)
	w.tells(2, &collatorv1.ToValidator{Kind: &collatorv1.ToValidator_Advertise{Advertise: &collatorv1.Advertise{}}})
	w.expect("2: -500 " + unreadable.reason)
	w.stop(parent)
	w.expect()
	w.advertise(3, made(3, "a"), 1) // it was under way
	w.expect("tell 3: UNKNOWN_RELAY_PARENT")
}

// L1: one fetch at a time; after 400 ms the next beside it.
func TestTheNextIsFetchedWhenTheFirstIsSlow(t *testing.T) {
	w := start(t)
	one, two := made(1, "one"), made(2, "two")
	w.advertise(1, one, 3)
	w.advertise(2, two, 3)
	w.advertise(3, made(3, "three"), 5)
	first := w.fetched(1)
	if len(w.fetches) != 0 {
		t.Fatal("two at a time")
	}
	w.Advance(slowAfter)
	w.settle()
	w.sends(w.fetched(2), "two")
	w.expect("second " + two.Hash().Short())
	w.sends(first, "one")
	w.Advance(slowAfter)
	w.settle()
	w.expect() // one is proposed at a time
	w.invalid(two)
	w.expect("2: -50 an invalid collation", "second "+one.Hash().Short(), "tell 2: INVALID")
}

// L1: a collator that doesn't answer pays 20, one that answers nonsense 10, and the next is fetched.
func TestTheNextIsFetchedWhenTheFirstFails(t *testing.T) {
	w := start(t)
	three := made(3, "three")
	w.advertise(1, made(1, "one"), 3)
	w.advertise(2, made(2, "two"), 3)
	w.advertise(3, three, 5)
	w.fails(w.fetched(1), nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_TIMED_OUT)
	w.expect("1: -20 "+slow.reason, "tell 1: POV_MISSING")
	w.fetched(2).Reply(&nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Payload{Payload: []byte{1}}})
	w.settle()
	w.expect("2: -10 "+noPart.reason, "tell 2: POV_MISSING")
	w.sends(w.fetched(3), "THREE")
	w.expect("3: -50 "+wrongProof.reason, "tell 3: POV_MISMATCH")
	if w.Number("fetching") != 0 {
		t.Error("it goes on fetching")
	}
}

// Of a collation that several peers have, the next is asked when one doesn't deliver; that one has gone costs nothing.
func TestTheSameCollationIsAskedOfTheNextWhoHasIt(t *testing.T) {
	w := start(t)
	r := made(1, "pov")
	w.connect(4)
	w.declare(4, 1, para)
	w.advertise(1, r, 3)
	w.advertise(4, r, 3)
	w.fails(w.fetched(1), nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_DISCONNECTED)
	w.expect()
	w.sends(w.fetched(4), "pov")
	w.expect("second " + r.Hash().Short())
	w.seconds(0, r)
	w.expect("1: 50 a good collation", "4: 50 a good collation", "tell 1: seconded by 0", "tell 4: seconded by 0")
}

// The 2020 code selected no other after Invalid: here the collator pays, is banned, and the next is proposed.
func TestAnInvalidCandidateCostsItsCollatorAndTheNextIsProposed(t *testing.T) {
	w := start(t)
	one, two := made(1, "one"), made(2, "two")
	w.offers(1, one, "one")
	w.advertise(2, two, 3)
	w.expect("second " + one.Hash().Short())
	w.invalid(two) // it wasn't proposed
	w.expect()
	w.invalid(one)
	w.expect("1: -50 an invalid collation", "tell 1: INVALID")
	w.sends(w.fetched(2), "two")
	w.expect("second " + two.Hash().Short())
	a := overseertest.Must[*candidateselectionv1.CollationResponse](t, w.submit(made(1, "again"), "again"))
	if a.GetRefused().GetReason() != collatorBanned {
		t.Error(a)
	}
	w.Advance(banFor)
	w.settle()
	w.did = nil
	a = overseertest.Must[*candidateselectionv1.CollationResponse](t, w.submit(made(1, "again"), "again"))
	if a.GetAccepted() == nil {
		t.Error(a)
	}
}

// T13: candidate-backing signs nothing when it couldn't tell, and says nothing. The next has its turn all the same.
func TestWithoutAVerdictTheNextIsProposed(t *testing.T) {
	w := start(t)
	one, two := made(1, "one"), made(2, "two")
	w.offers(1, one, "one")
	w.advertise(2, two, 3)
	w.Advance(verdictTimeout)
	w.settle()
	w.sends(w.fetched(2), "two")
	w.expect("second "+one.Hash().Short(), "tell 1: NODE_FAULT", "second "+two.Hash().Short())
}

// B9: when one candidate was seconded there is no other on that relay parent.
func TestOneCandidateIsSecondedPerRelayParent(t *testing.T) {
	w := start(t)
	one := made(1, "one")
	w.offers(1, one, "one")
	w.advertise(2, made(2, "two"), 3)
	w.seconds(0, one)
	w.did = nil
	w.invalid(made(2, "two"))
	w.advertise(3, made(3, "three"), 5)
	w.expect("tell 3: ALREADY_SECONDED")
	if len(w.fetches) != 0 {
		t.Error("another is fetched")
	}
}

// Every check that costs no execution, each with its reason.
func TestEachCheckHasItsReason(t *testing.T) {
	big := string(make([]byte, 3<<20+1))
	for name, c := range map[string]struct {
		receipt candidate.Receipt
		pov     string
		core    *primitivesv1.ScheduledCore
		own     byte
		want    primitivesv1.CollationRefusal
	}{
		"not our group":      {made(1, "a"), "a", nil, 2, notAssigned},
		"no validator":       {made(1, "a"), "a", nil, 9, notAssigned},
		"another para":       {made(1, "a", func(c *signbytes.Collation) { c.ParaID = 8 }), "a", nil, 0, notAssigned},
		"B10: claimed core":  {made(1, "a"), "a", &primitivesv1.ScheduledCore{Para: para, Collator: public(2)}, 0, wrongCollator},
		"a long proof":       {made(1, big), big, nil, 0, povTooLarge},
		"another head":       {made(1, "a", func(c *signbytes.Collation) { c.PersistedValidationDataHash = child }), "a", nil, 0, dataMismatch},
		"another proof":      {made(1, "a"), "b", nil, 0, povMismatch},
		"no active leaf":     {made(1, "a", func(c *signbytes.Collation) { c.RelayParent = child }), "a", nil, 0, unknownRelayParent},
		"a forged signature": {made(1, "a", func(c *signbytes.Collation) { c.Collator = [32]byte(public(2)) }), "a", nil, 0, badSignature},
	} {
		w := bare(t)
		w.own = c.own
		if c.core != nil {
			w.core = &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Scheduled{Scheduled: c.core}}
		}
		w.leaf(parent, primitives.Hash{}, 9)
		a := overseertest.Must[*candidateselectionv1.CollationResponse](t, w.submit(c.receipt, c.pov))
		if a.GetRefused().GetReason() != c.want {
			t.Errorf("%s: %v", name, a)
		}
		w.expect()
	}
	w := start(t)
	w.advertise(1, made(2, "a", func(c *signbytes.Collation) { c.Collator = [32]byte(public(1)) }), 1)
	w.expect("1: -50 "+forged.reason, "tell 1: BAD_SIGNATURE")
}

// A core with a candidate on it waits for the next one, to be built on the head that that one makes.
func TestAnOccupiedCoreWaitsForTheNextCandidate(t *testing.T) {
	w := bare(t)
	w.core = &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Occupied{Occupied: &primitivesv1.OccupiedCore{
		NextUpOnAvailable: &primitivesv1.ScheduledCore{Para: para}, OccupiedSince: 9}}}
	assumed := runtimeapiv1.OccupiedCoreAssumption(0)
	w.answers["Request"] = func(s overseertest.Sent) {
		m := s.Body.(*runtimeapiv1.Request)
		if q := m.GetRequest().GetPersistedValidationData(); q != nil {
			assumed = q.GetAssumption()
		}
		s.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: w.state(m)}})
	}
	w.leaf(parent, primitives.Hash{}, 9)
	w.submit(made(1, "a"), "a")
	w.expect("second " + made(1, "a").Hash().Short())
	if assumed != runtimeapiv1.OccupiedCoreAssumption_OCCUPIED_CORE_ASSUMPTION_INCLUDED {
		t.Error(assumed)
	}
}

// The way beside the network: accepted twice, counted once, and followed.
func TestACollatorBesideTheNode(t *testing.T) {
	w := start(t)
	r := made(1, "pov")
	w.offers(2, made(2, "two"), "two")
	for range 2 {
		a := overseertest.Must[*candidateselectionv1.CollationResponse](t, w.submit(r, "pov"))
		if h := r.Hash(); string(a.GetAccepted().GetCandidate()) != string(h[:]) || a.GetAccepted().GetAhead() != 1 {
			t.Error(a)
		}
	}
	a := w.watch(r)
	if len(a.Items) != 0 || a.Done {
		t.Error(a.Items)
	}
	w.invalid(made(2, "two"))
	w.seconds(0, r)
	if !slices.Equal(steps(a), []string{"seconded by 0"}) {
		t.Error(steps(a))
	}
	if a := w.watch(made(3, "never seen")); !a.Done || !slices.Equal(steps(a), []string{"UNKNOWN_RELAY_PARENT"}) {
		t.Error(steps(a), a.Done)
	}
	missing := made(3, "not in the store")
	c := missing.Descriptor.Collation
	m := &candidateselectionv1.Collation{RelayParent: parent[:], Para: para, Collator: c.Collator[:]}
	if r := overseertest.Must[*candidateselectionv1.CollationResponse](t, w.Ask("collator", m)); r.GetRefused().GetReason() != descriptorMismatch {
		t.Error(r)
	}
}

// Why it wasn't included: each end of a life has its reason.
func TestTheEndHasItsReason(t *testing.T) {
	backed := runtimeapiv1.CandidateEvent_KIND_BACKED
	for name, c := range map[string]struct {
		quorum bool
		child  []runtimeapiv1.CandidateEvent_Kind
		last   []runtimeapiv1.CandidateEvent_Kind
		want   string
	}{
		"no quorum":       {want: "NOT_BACKED_IN_TIME"},
		"not taken up":    {quorum: true, want: "NOT_INCLUDED_IN_TIME"},
		"not available":   {quorum: true, child: []runtimeapiv1.CandidateEvent_Kind{backed}, last: []runtimeapiv1.CandidateEvent_Kind{runtimeapiv1.CandidateEvent_KIND_TIMED_OUT}, want: "AVAILABILITY_TIMED_OUT"},
		"still on a core": {quorum: true, child: []runtimeapiv1.CandidateEvent_Kind{backed}, want: "backed with 2"},
	} {
		w := start(t)
		commitments := candidate.Commitments{HeadData: []byte("next")}
		r := made(1, "pov")
		r.CommitmentsHash, _ = commitments.Hash()
		w.submit(r, "pov")
		a := w.watch(r)
		if c.quorum {
			w.backs(r, commitments)
		}
		for _, k := range c.child {
			w.events[child] = append(w.events[child], event1(k, r))
		}
		for _, k := range c.last {
			w.events[grandchild] = append(w.events[grandchild], event1(k, r))
		}
		w.stop(parent)
		w.leaf(child, parent, 10)
		if a.Done {
			t.Errorf("%s: it has ended before the block that could take it up", name)
		}
		w.leaf(grandchild, child, 11)
		if s := steps(a); s[len(s)-1] != c.want {
			t.Errorf("%s: %v", name, s)
		}
	}
}

// A block that was no leaf here is looked at, too.
func TestABlockThatWasNoLeafIsLookedAt(t *testing.T) {
	w := start(t)
	r := made(1, "pov")
	w.submit(r, "pov")
	a := w.watch(r)
	w.events[child] = []*runtimeapiv1.CandidateEvent{event1(runtimeapiv1.CandidateEvent_KIND_BACKED, r)}
	w.answers["Request"] = func(s overseertest.Sent) {
		m := s.Body.(*runtimeapiv1.Request)
		answer := w.state(m)
		if m.GetRequest().GetAncestors() != nil {
			answer.Kind = &runtimeapiv1.RuntimeApiAnswer_Ancestors{
				Ancestors: &runtimeapiv1.AncestorsAnswer{Hashes: [][]byte{child[:], parent[:]}}}
		}
		s.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: answer}})
	}
	w.stop(parent)
	w.leaf(grandchild, child, 11)
	if a.Done {
		t.Error(steps(a))
	}
}

// A leaf whose state can't be had is this node's fault, and no collator's.
func TestALeafWithoutStateIsANodeFault(t *testing.T) {
	w := bare(t)
	w.answers["Request"] = func(s overseertest.Sent) { s.Fail(subsystem.Refused, "no") }
	w.leaf(parent, primitives.Hash{}, 9)
	a := overseertest.Must[*candidateselectionv1.CollationResponse](t, w.submit(made(1, "a"), "a"))
	if a.GetRefused().GetReason() != nodeFault || w.Trouble("relay-parents") == "" {
		t.Error(a, w.Status())
	}
}

// Of several instances the one that the leaf's message reaches acts; the others charge and fetch nothing.
func TestAnotherInstanceActsOnTheLeaf(t *testing.T) {
	w := bare(t)
	w.answers["TakeUp"] = func(overseertest.Sent) {}
	w.leaf(parent, primitives.Hash{}, 9)
	w.connect(1)
	w.declare(1, 1, para)
	w.advertise(1, made(2, "a", func(c *signbytes.Collation) { c.Collator = [32]byte(public(1)) }), 1)
	w.stop(parent)
	w.expect()
}

func TestPeersAreToldAnew(t *testing.T) {
	w := start(t)
	reset := &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeersReset{PeersReset: &nbv1.PeersReset{}}}
	w.event(reset)
	w.connect(1)
	w.advertise(1, made(1, "a"), 1) // it stays declared
	w.expect()
	w.event(reset)
	if n := w.Number("known-peers"); n != 1 {
		t.Error(n)
	}
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerDisconnected{
		PeerDisconnected: &nbv1.PeerDisconnected{Peer: id(1)}}})
	if n := w.Number("known-peers"); n != 0 {
		t.Error(n)
	}
	w.Advance(time.Minute)
}
