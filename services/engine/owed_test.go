package engine

import (
	"bytes"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/requests"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

func testApps(t *testing.T) (*alone, *apps) {
	a := testAlone(t)
	p := &peers{self: partNode(0), set: partSet(t, 4), drops: testDrops(a)}
	return a, &apps{sub: a.sub, peers: p, send: testSender(a), owed: newOwed(p.set), drops: p.drops,
		served: newQuestions(p.set, a.sub, func() bool { return false })}
}

// ask has a peer's VM ask so often, and counts what reached ours and what was refused.
func (a *alone) ask(x *apps, peer, count int, wait time.Duration) (passed, refused int) {
	a.do(func() {
		for i := range count {
			x.onRequest(partNode(peer),
				&enginev1.AppRequest{RequestId: uint32(i), DeadlineMs: uint32(wait.Milliseconds())})
		}
	})
	for _, s := range a.Sent() {
		switch m := s.Body.(type) {
		case *pluginv1.AppRequestRequest:
			passed++
		case *nbv1.SendConsensusMessage:
			if w, err := open(partChain.ID, m.GetPayload()); err == nil &&
				w.GetUnanswered().GetAnswer() == enginev1.Answer(requests.AppResponse) {
				refused++
			}
		}
	}
	return passed, refused
}

func TestOfAFloodOfAppRequestsTheVMOwesItsPeerAFew(t *testing.T) {
	a, x := testApps(t)
	if passed, refused := a.ask(x, 1, 1000, time.Second); passed != appsOfValidator || refused != 1000-appsOfValidator {
		t.Errorf("of a validator's %d reach the VM, %d are refused", passed, refused)
	}
	all := 0
	for i := range 40 {
		passed, refused := a.ask(x, 100+i, 10, time.Second)
		if all += passed; passed+refused != 10 || passed > appsOfStranger {
			t.Errorf("of a stranger's ten requests %d reach the VM, %d are refused", passed, refused)
		}
	}
	if passed, _ := a.ask(x, 2, 1, time.Second); passed != 1 || all != appsOfStrangers {
		t.Errorf("%d of strangers reach the VM; then one of another validator: %d", all, passed)
	}
}

func TestWhatIsAnsweredOrOverdueIsOwedNoMore(t *testing.T) {
	answered := func(x *apps, id uint32) {
		n := partNode(1)
		if id%2 == 0 {
			x.response(&enginev1.SendAppResponse{NodeId: n[:], RequestId: id})
		} else {
			x.err(&enginev1.SendAppError{NodeId: n[:], RequestId: id})
		}
	}
	a, x := testApps(t)
	a.ask(x, 1, appsOfValidator, time.Second)
	a.do(func() {
		for id := range uint32(appsOfValidator) {
			answered(x, id)
		}
	})
	if a.Sent(); len(x.owed.of) != 0 {
		t.Errorf("%v are owed", x.owed.of)
	}
	a.ask(x, 1, appsOfValidator, time.Second)
	a.Advance(time.Second)
	if passed, _ := a.ask(x, 1, 1, time.Second); passed != 1 {
		t.Error("what is overdue is still owed")
	}
}

// A small request may have a large answer: the answer is what is paid for.
func TestWhatTheVMAnswersAStrangerIsPaidByItsBytes(t *testing.T) {
	a, x := testApps(t)
	stranger := partNode(100)
	for i := range uint32(servedSeconds * servedToOne >> 20) {
		a.do(func() {
			x.response(&enginev1.SendAppResponse{NodeId: stranger[:], RequestId: i, Response: make([]byte, 1<<20)})
		})
	}
	a.Sent()
	if passed, refused := a.ask(x, 100, 1, time.Second); passed != 0 || refused != 1 {
		t.Errorf("%d more requests reach the VM, %d are refused", passed, refused)
	}
	if passed, _ := a.ask(x, 101, 1, time.Second); passed != 1 {
		t.Error("another one's request doesn't")
	}
	a.Advance(time.Second)
	if passed, _ := a.ask(x, 100, 1, time.Second); passed != 1 {
		t.Error("a second later its request doesn't")
	}
}

func TestANumberThatIsOpenIsntGivenToTheVMTwice(t *testing.T) {
	a, x := testApps(t)
	a.ask(x, 1, 1, time.Second)
	if passed, refused := a.ask(x, 1, 1, time.Second); passed != 0 || refused != 0 || len(x.owed.of[partNode(1)]) != 1 {
		t.Errorf("%d reach the VM, %d are refused", passed, refused)
	}
}

// The host takes nothing any more: what peers send waits nowhere, and requests are refused.
func TestWhatPeersVMsSayWaitsNowhere(t *testing.T) {
	a, x := testApps(t)
	a.Stall("vm")
	large := bytes.Repeat([]byte{1}, 100<<10)
	refused := 0
	for i := range uint32(2000) {
		a.do(func() {
			x.onGossip(partNode(1), &enginev1.AppGossip{Gossip: large})
			x.onResponse(partNode(1), &enginev1.AppResponse{RequestId: i, Response: large})
			x.onErr(partNode(1), &enginev1.AppError{RequestId: i})
			x.onRequest(partNode(1), &enginev1.AppRequest{RequestId: i, DeadlineMs: 1, Request: large})
		})
		a.Advance(time.Millisecond)
	}
	for _, s := range a.Sent() {
		if m, ok := s.Body.(*nbv1.SendConsensusMessage); ok {
			if w, err := open(partChain.ID, m.GetPayload()); err == nil && w.GetUnanswered() != nil {
				refused++
			}
		}
	}
	if parked, _ := a.Parked(); parked != 0 || refused == 0 ||
		x.drops.count["an app message for which the VM's host has no room"] == 0 {
		t.Errorf("%d messages wait for the host, %d requests are refused, dropped: %v", parked, refused, x.drops.count)
	}
}

// The network bridge takes nothing any more: what peers ask for waits nowhere.
func TestAnswersToPeersWaitNowhere(t *testing.T) {
	a := testAlone(t)
	a.Stall("network-bridge")
	s := testSender(a)
	a.do(func() {
		for range 2000 {
			s.answer(partNode(1), &enginev1.Ancestors{Containers: [][]byte{make([]byte, 1<<20)}})
		}
	})
	if parked, _ := a.Parked(); parked != 0 || len(a.Sent()) == 0 || len(s.drops.count) != 1 {
		t.Errorf("%d answers wait, dropped: %v", parked, s.drops.count)
	}
}

func TestAnErrorsWordsAreClipped(t *testing.T) {
	a, x := testApps(t)
	long := string(bytes.Repeat([]byte("no"), 10_000))
	a.do(func() {
		x.onErr(partNode(1), &enginev1.AppError{RequestId: 1, Message: long})
		x.onUnanswered(partNode(1), &enginev1.Unanswered{RequestId: 2, Reason: long})
	})
	for _, s := range a.Sent() {
		if m, ok := s.Body.(*pluginv1.AppRequestFailedRequest); !ok || len(m.GetError().GetMessage()) != mostMessage {
			t.Errorf("the VM is told %T with %d bytes", s.Body, len(m.GetError().GetMessage()))
		}
	}
}
