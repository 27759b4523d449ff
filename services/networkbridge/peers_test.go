package networkbridge_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reevenet/reeve/internal/core/peerslots"
	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

func TestEverySubsystemHearsFirstThatItKnowsNobody(t *testing.T) {
	s := newFixture(t)
	expect(t, s.news(), "engine: reset", "statements: reset", "collator: reset")
}

func TestAPeerIsReportedOnItsFirstHelloAndNotBefore(t *testing.T) {
	s := opened(t)
	p := s.peer(2)
	expect(t, s.news())
	if s.info(2).GetConnected() {
		t.Error("a link without a hello counts as connected")
	}
	if len(p.frames) != int(nb.Lanes) {
		t.Errorf("the bridge greeted on %d lanes of %d", len(p.frames), nb.Lanes)
	}
	p.greet(validation)
	expect(t, s.news(), "engine: connected 2", "engine: view of 2 is []",
		"statements: connected 2", "statements: view of 2 is []")
}

func TestPeersThatDoNotBelongHereAreTurnedAway(t *testing.T) {
	for name, change := range map[string]func(*nbv1.Hello){
		"another network":  func(h *nbv1.Hello) { h.NetworkId = make([]byte, 32) },
		"a later protocol": func(h *nbv1.Hello) { h.MinVersion, h.MaxVersion = 2, 9 },
		"no version":       func(h *nbv1.Hello) { h.MinVersion = 0 },
		"a short network":  func(h *nbv1.Hello) { h.NetworkId = h.NetworkId[:31] },
		"a family twice":   func(h *nbv1.Hello) { h.Families = append(h.Families, validation) },
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t)
			p := s.peer(2)
			h := hello(validation)
			change(h)
			p.greetWith(h)
			if p.up {
				t.Error("the link is still up")
			}
			expect(t, s.news())
			if s.info(2).GetLastError() == "" {
				t.Error("the reason isn't on record")
			}
		})
	}
}

func TestWhoSpeaksBeforeHelloIsTurnedAway(t *testing.T) {
	s := opened(t)
	p := s.peer(2)
	p.message(nb.LaneConsensus, "snow", "vote")
	if p.up {
		t.Error("the link is still up")
	}
	expect(t, s.news())
}

func TestASecondDifferentHelloEndsTheLink(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	p.send(nb.LaneBulk, &nbv1.Frame{Kind: &nbv1.Frame_Hello{Hello: hello(collation)}})
	if p.up {
		t.Error("the link is still up")
	}
	expect(t, s.news(), "engine: disconnected 2", "statements: disconnected 2")
}

func TestAPeerMayLeaveOneFamilyAndStayInTheOther(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation, collation)
	s.news()
	p.send(nb.LaneBacking, &nbv1.Frame{
		Kind: &nbv1.Frame_Membership{Membership: &nbv1.Membership{Families: []nbv1.Family{collation}}},
	})
	expect(t, s.news(), "engine: disconnected 2", "statements: disconnected 2")
	p.message(nb.LaneBacking, "coll", "still here")
	p.message(nb.LaneBacking, "stmt", "not here")
	expect(t, s.news(), `collator: 2 says "still here"`)
	if got := s.info(2).GetReputation(); got != -50 {
		t.Errorf("a message outside the peer set: reputation %d", got)
	}
}

func TestMessagesReachTheirSubsystemInOrderAndTogether(t *testing.T) {
	s := opened(t)
	p, q := s.friend(2, validation), s.friend(3, validation)
	s.news()
	for _, m := range []struct {
		from *peer
		text string
	}{{p, "a"}, {q, "b"}, {p, "c"}} {
		b, _ := marshal(m.text)
		m.from.Send(s.me, nb.LaneConsensus, b)
	}
	s.run()
	expect(t, s.news(), `engine: 2 says "a" 3 says "b" 2 says "c"`)
}

func TestBytesThatCanNotBeReadCostAndAreNotPassedOn(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	p.sendRaw(nb.LaneConsensus, []byte{0xff, 0xff, 0xff})
	if got := s.info(2).GetReputation(); got != -500 {
		t.Errorf("reputation %d", got)
	}
	p.sendRaw(nb.LaneBacking, exchangeBomb())
	if p.up {
		t.Error("it is still connected after the second one")
	}
	expect(t, s.news(), "engine: disconnected 2", "statements: disconnected 2")
	if s.info(2).GetBannedForMs() == 0 {
		t.Error("it isn't banned")
	}
}

// exchangeBomb is a peer exchange of a hundred thousand empty entries.
func exchangeBomb() []byte {
	var peers []byte
	for range 100_000 {
		peers = protowire.AppendBytes(protowire.AppendTag(peers, 1, protowire.BytesType), nil)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), peers)
}

func TestAnUnknownProtocolCosts(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	p.message(nb.LaneGossip, "nope", "x")
	p.message(nb.LaneGossip, "snow", "on the wrong lane")
	expect(t, s.news())
	if got := s.info(2).GetReputation(); got != -100 {
		t.Errorf("reputation %d", got)
	}
}

func TestABannedPeerIsNotTakenBackBeforeItsTime(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.Send(
		"statement-distribution",
		&nbv1.ReportPeer{Peer: raw(id(2)), CostBenefit: math.MinInt32, Reason: "bad signature"},
	)
	s.run()
	if p.up {
		t.Fatal("a peer at the threshold is still connected")
	}
	p.Connect(nb.Address{Node: s.me})
	s.run()
	if p.up {
		t.Fatal("a banned peer was taken back")
	}
	s.Advance(5 * time.Minute)
	p.Connect(nb.Address{Node: s.me})
	s.run()
	if p.up == false {
		t.Fatal("it isn't taken back after the ban")
	}
}

func TestOneSubsystemAloneCanNotDropAValidator(t *testing.T) {
	s := opened(t)
	for n := byte(2); n <= 11; n++ {
		s.friend(n, validation)
	}
	s.Send("engine", validators(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11))
	for n := byte(2); n <= 11; n++ {
		for range 10 {
			s.Send(
				"statement-distribution",
				&nbv1.ReportPeer{Peer: raw(id(n)), CostBenefit: math.MinInt32, Reason: "compromised"},
			)
		}
	}
	s.run()
	for n := byte(2); n <= 11; n++ {
		if !s.info(n).GetConnected() {
			t.Fatalf("validator %d was dropped", n)
		}
	}
	for n := byte(2); n <= 11; n++ {
		s.Send(
			"bitfield-distribution",
			&nbv1.ReportPeer{Peer: raw(id(n)), CostBenefit: math.MinInt32, Reason: "compromised too"},
		)
	}
	s.run()
	dropped := 0
	for n := byte(2); n <= 11; n++ {
		if !s.info(n).GetConnected() {
			dropped++
		}
	}
	if dropped != 2 {
		t.Fatalf("%d of 11 validators were dropped; a fifth of the stake is 2", dropped)
	}
}

func validators(ns ...byte) *nbv1.SetValidators {
	out := &nbv1.SetValidators{}
	for _, n := range ns {
		out.Validators = append(out.Validators, &nbv1.Validator{NodeId: raw(id(n)), Stake: 100})
	}
	return out
}

func TestStrangersDoNotTakeTheSeatsOfValidators(t *testing.T) {
	s := opened(t, func(c *nb.Config) { c.MaxPeers = 10 })
	s.Send("engine", validators(100, 101))
	var peers []*peer
	for n := byte(2); n < 40; n++ {
		peers = append(peers, s.peer(n))
	}
	up := 0
	for _, p := range peers {
		if p.up {
			up++
		}
	}
	if up != 1 {
		t.Errorf("%d callers have a slot, one of ten is theirs", up)
	}
	if p := s.friend(100, validation); !p.up {
		t.Error("a validator found no slot")
	}
}

// However many callers say nothing, and however many say hello and nothing more.
func TestSilentCallersKeepNoHonestNodeOut(t *testing.T) {
	for _, greets := range []bool{false, true} {
		s := opened(t, func(c *nb.Config) { c.MaxPeers = 100 })
		for n := byte(2); n < 60; n++ {
			if p := s.peer(n); greets {
				p.greet(validation)
			}
		}
		s.Advance(peerslots.LeastSilence)
		s.run()
		honest := s.friend(100, validation)
		if !honest.up {
			t.Fatalf("greeted %v: an honest node finds no slot", greets)
		}
		for n := byte(60); n < 99; n++ {
			s.peer(n)
			honest.message(nb.LaneConsensus, "snow", "still here")
			s.Advance(time.Second)
			s.run()
		}
		if !honest.up {
			t.Errorf("greeted %v: it lost its slot to those who say nothing", greets)
		}
	}
}

func TestAFloodIsCutAtTheBudget(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	s.news()
	b, _ := marshal("x")
	for range nb.DefaultBudgets[nb.LaneConsensus].Frames.Burst + 200 {
		p.Send(s.me, nb.LaneConsensus, b)
	}
	s.run()
	if got := s.info(2).GetOverBudget(); got == 0 || got > 400 {
		t.Errorf("%d frames were over budget", got)
	}
	s.news()
	s.Advance(10 * time.Second)
	p.message(nb.LaneConsensus, "snow", "later")
	expect(t, s.news(), `engine: 2 says "later"`)
}

func TestRegistrationTellsEverythingAnewAndTheFirstOneStays(t *testing.T) {
	s := opened(t)
	s.leaf(3)
	p := s.friend(2, validation)
	p.view(validation, hash(9))
	s.news()
	s.Send("engine", &nbv1.RegisterEventProducer{Protocol: "snow"})
	want := []string{"engine: reset", "engine: connected 2", "engine: view of 2 is [9]", "engine: our view is [3]"}
	expect(t, s.news(), want...)
	s.Send("collator", &nbv1.RegisterEventProducer{Protocol: "snow"})
	expect(t, s.news())
	s.Send("engine", &nbv1.RegisterEventProducer{Protocol: "snow"})
	expect(t, s.news(), want...)
	p.message(nb.LaneConsensus, "snow", "once")
	expect(t, s.news(), `engine: 2 says "once"`)
}

// A bridge that nobody can call any more ends, with the cause, and is started again.
func TestABridgeWhoseListenerHasEndedEnds(t *testing.T) {
	var ear func(nb.Event)
	s := opened(t, func(c *nb.Config) { c.Transport = &listening{Transport: c.Transport, ear: &ear} })
	ear(nb.Event{Kind: nb.Ended, Err: errors.New("listening has ended")})
	s.run()
	if ended, err := s.Ended(); !ended || err == nil || !strings.Contains(err.Error(), "listening has ended") {
		t.Errorf("ended %v, %v", ended, err)
	}
}

// listening lets a test speak for a transport.
type listening struct {
	nb.Transport
	ear *func(nb.Event)
}

func (l *listening) Start(events func(nb.Event)) error {
	*l.ear = events
	return l.Transport.Start(events)
}

func TestRoles(t *testing.T) {
	s := opened(t, func(c *nb.Config) { c.Sentries, c.Guarded = []primitives.NodeID{id(2)}, id(3) })
	for n, want := range map[byte]nbv1.Role{
		2: nbv1.Role_ROLE_OUR_SENTRY, 3: nbv1.Role_ROLE_OUR_GUARDED_AUTHORITY, 4: nbv1.Role_ROLE_FULL,
	} {
		s.friend(n, validation)
		if got := s.info(n).GetRole(); got != want {
			t.Errorf("peer %d is %s, want %s", n, got, want)
		}
	}
}

func TestEveryFrameIsConsumed(t *testing.T) {
	s := opened(t)
	p := s.friend(2, validation)
	p.message(nb.LaneConsensus, "snow", "a")
	p.sendRaw(nb.LaneConsensus, []byte{0xff})
	if s.mine.Received != 0 {
		t.Errorf("%d bytes were never consumed", s.mine.Received)
	}
}

func TestAValidatorThatSendsOnlyRubbishIsDisconnectedAndNotBanned(t *testing.T) {
	s := opened(t)
	s.Send("engine", validators(1, 2, 3, 4))
	p := s.friend(2, validation)
	for range 20 {
		p.sendRaw(nb.LaneConsensus, []byte{0xff})
	}
	if p.up || s.info(2).GetBannedForMs() != 0 {
		t.Errorf("connected %t, banned for %d ms", p.up, s.info(2).GetBannedForMs())
	}
	if again := s.friend(2, validation); !again.up {
		t.Error("it may not come back")
	}
}
