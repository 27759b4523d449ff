package overseer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// twoChains is a node of the chains A and B: each has its VM host; one bridge and one keystore serve both.
type twoChains struct {
	*overseertest.Bus
	t                *testing.T
	a, b, all, keys  *part
	onA, onB, bridge *overseertest.Member
}

func newTwoChains(t *testing.T) *twoChains {
	t.Helper()
	n := &twoChains{t: t, a: &part{}, b: &part{}, all: &part{}, keys: &part{}}
	n.Bus = overseertest.NodeWith(t, overseer.Config{Chains: []string{"A", "B"},
		Specs: []subsystem.Spec{n.perChain(n.a), n.serving(n.all)}})
	n.onA, n.onB = n.AttachFor("A", n.perChain(n.a), "vm"), n.AttachFor("B", n.perChain(n.b), "vm")
	n.bridge = n.Attach(n.serving(n.all), "bridge")
	n.Attach(n.keys.spec("keystore", subsystem.Single), "keystore")
	n.Settle()
	return n
}

// perChain is the subsystem of which each chain has one.
func (n *twoChains) perChain(p *part) subsystem.Spec {
	return p.spec("vm", subsystem.PerChain, message(""), &keystorev1.PublicKeys{}, &overseerv1.BlockImported{},
		&overseerv1.BlockAccepted{})
}

func (n *twoChains) serving(p *part) subsystem.Spec {
	return p.spec("network-bridge", subsystem.Single, &pluginv1.ConnectedRequest{}, &vmv1.LastAccepted{},
		&overseerv1.WaitForActivation{})
}

// update tells the one of a chain something.
func (n *twoChains) update(chain string) {
	n.bridge.Do(func(sub *subsystem.Sub) { sub.On(chain).Send(&pluginv1.ConnectedRequest{}) })
}

func (n *twoChains) status(chain string, timeout time.Duration) *outcome {
	o := &outcome{}
	n.bridge.Post(func(sub *subsystem.Sub) {
		subsystem.Ask(sub.On(chain), &vmv1.LastAccepted{}, timeout, func(r *vmv1.LastAcceptedResponse, err error) {
			o.ends++
			o.resp, o.err = r, err
		})
	})
	n.Settle()
	return o
}

func sends(messages ...proto.Message) func(*subsystem.Sub) {
	return func(sub *subsystem.Sub) {
		for _, m := range messages {
			sub.Send(m)
		}
	}
}

func answerStatus(m *subsystem.Message) {
	if _, ok := m.Body.(*vmv1.LastAccepted); ok {
		m.Reply(&vmv1.LastAcceptedResponse{})
	}
}

func TestChainsEachEngineGetsWhatIsOfItsChain(t *testing.T) {
	n := newTwoChains(t)
	n.update("A")
	n.a.hears(t, "ConnectedRequest")
	n.b.hears(t)
	n.update("B")
	n.a.hears(t)
	n.b.hears(t, "ConnectedRequest")
}

// One that serves a chain names none; who serves all chains learns which it speaks for, and answers as ever.
func TestChainsWhoServesAllLearnsTheSendersChain(t *testing.T) {
	n := newTwoChains(t)
	var of []string
	n.all.on = func(m *subsystem.Message) { of = append(of, m.Chain) }
	n.keys.on = func(m *subsystem.Message) {
		of = append(of, m.Chain)
		m.Reply(&keystorev1.PublicKeysResponse{})
	}
	n.onA.Do(sends(message("1")))
	n.onB.Do(sends(message("2")))
	o := ask[*keystorev1.PublicKeysResponse](n.onB, &keystorev1.PublicKeys{}, time.Minute)
	n.Settle()
	o.code(t, 0)
	if want := []string{"A", "B", "B"}; !slices.Equal(of, want) {
		t.Errorf("of chains %v, want %v", of, want)
	}
}

func TestChainsEachHasItsOwnLeaves(t *testing.T) {
	n := newTwoChains(t)
	n.onA.Do(sends(imported("a", "0", 1)))
	n.onB.Do(sends(imported("b", "0", 1)))
	n.onA.Do(sends(imported("c", "a", 2), &overseerv1.BlockAccepted{Hash: block("a"), Number: 1}))
	n.a.hears(t, "start a", "stop a", "start c", "final a")
	n.b.hears(t, "start b")
	n.all.hears(t, "start a of A", "start b of B", "stop a of A", "start c of A", "final a of A")
	n.onB.Kill()
	n.bridge.Kill()
	n.onB.Start()
	n.bridge.Start()
	n.Settle()
	n.b.hears(t, "start b")
	n.all.hears(t, "final a of A", "start c of A", "start b of B")
}

// Those who serve all chains have seen a signal of chain B that nobody of chain A will ever see: what they send and
// answer there must not wait for it.
func TestChainsNothingWaitsForAnotherChainsSignal(t *testing.T) {
	n := newTwoChains(t)
	n.a.on = answerStatus
	n.keys.on = func(m *subsystem.Message) { m.Reply(&keystorev1.PublicKeysResponse{}) }
	n.onA.Do(sends(imported("a", "0", 1)))
	n.onB.Do(sends(imported("b", "0", 1)))
	n.update("A")
	n.status("A", time.Minute).code(t, 0)
	n.a.hears(t, "start a", "ConnectedRequest", "LastAccepted")
	o := ask[*keystorev1.PublicKeysResponse](n.onA, &keystorev1.PublicKeys{}, time.Minute)
	n.Settle()
	o.code(t, 0)
}

func TestChainsABlockIsWaitedForOnItsChain(t *testing.T) {
	n := newTwoChains(t)
	wait := func(chain string) *outcome {
		o := &outcome{}
		n.bridge.Do(func(sub *subsystem.Sub) {
			subsystem.Ask(sub.On(chain), &overseerv1.WaitForActivation{Hash: block("x")}, time.Minute,
				func(_ *overseerv1.WaitForActivationResponse, err error) {
					o.ends++
					o.err = err
				})
		})
		return o
	}
	onA, onB := wait("A"), wait("B")
	n.onB.Do(sends(imported("x", "0", 1)))
	onB.code(t, 0)
	if onA.ends != 0 {
		t.Error("a block of chain B activated one of chain A")
	}
	n.Advance(time.Minute)
	onA.code(t, subsystem.TimedOut)
}

// A host that hangs uses up the credit of its own chain's edge, and is ended; the other chain notices nothing.
func TestChainsAHungInstanceDelaysNothingOfAnotherChain(t *testing.T) {
	n := newTwoChains(t)
	n.b.on = answerStatus
	n.onA.Busy = true
	for range 5000 { // more than a window
		n.update("A")
	}
	open := n.status("A", time.Minute)
	before := n.Runtime.Now()
	for range 5000 {
		n.update("B")
	}
	n.status("B", time.Second).code(t, 0)
	if n.Runtime.Now() != before || len(n.b.heard) != 5001 {
		t.Errorf("B took %v for %d messages", n.Runtime.Now().Sub(before), len(n.b.heard))
	}
	n.Advance(2 * time.Minute)
	if len(n.Killed) != 1 || n.Killed[0].Instance.Chain != "A" {
		t.Errorf("ended: %v", n.Killed)
	}
	if open.ends != 1 || !n.onB.Running() {
		t.Errorf("the question to A has %d ends, B runs: %t", open.ends, n.onB.Running())
	}
}

func TestChainsARestartConcernsOneChain(t *testing.T) {
	n := newTwoChains(t)
	n.onA.Frozen = true
	n.update("A")
	n.onA.Kill()
	n.update("A")
	n.update("B")
	n.onA.Start()
	n.Settle()
	n.a.hears(t, "ConnectedRequest again 1", "ConnectedRequest")
	n.b.hears(t, "ConnectedRequest")
	if n.a.starts != 2 || n.b.starts != 1 {
		t.Errorf("started %d and %d times", n.a.starts, n.b.starts)
	}
	if a, b := n.StatusFor("A", "vm"), n.StatusFor("B", "vm"); a.Starts != 2 || b.Starts != 1 ||
		a.LastCause == b.LastCause {
		t.Errorf("status %+v and %+v", a, b)
	}
}

func TestChainsAMessageThatKillsIsQuarantinedForItsChain(t *testing.T) {
	n := newTwoChains(t)
	n.a.on = func(*subsystem.Message) { n.onA.Crash() }
	n.update("A")
	n.onA.Start()
	n.Settle()
	n.update("B")
	n.b.hears(t, "ConnectedRequest")
	if len(n.Kept) != 1 || n.Kept[0].Env.Chain != "A" || !strings.Contains(n.Kept[0].Cause, "vm of chain A") {
		t.Errorf("kept %+v", n.Kept)
	}
}

func TestChainsEachHasItsStandby(t *testing.T) {
	n := newTwoChains(t)
	spare := &part{}
	second := n.AttachFor("A", n.perChain(spare), "spare")
	n.Settle()
	n.onB.Kill()
	n.Settle()
	if spare.starts != 0 || !second.Instance().Standby {
		t.Fatal("the standby of A took over for B")
	}
	n.onA.Kill()
	n.Settle()
	n.update("A")
	spare.hears(t, "ConnectedRequest")
}

// What was not finished when the overseer ends comes again after its restart, to the chain that it was for.
func TestChainsSurviveTheOverseersRestart(t *testing.T) {
	n := newTwoChains(t)
	n.onA.Frozen, n.onB.Frozen = true, true
	n.update("A")
	n.update("B")
	n.update("B")
	n.onA.Frozen, n.onB.Frozen = false, false
	n.RestartOverseer()
	n.Settle()
	if len(n.a.heard) != 1 || len(n.b.heard) != 2 {
		t.Errorf("A heard %v, B %v", n.a.heard, n.b.heard)
	}
}

func TestChainsTheWrongOneIsATypedFailure(t *testing.T) {
	n := newTwoChains(t)
	refusal := func(chain, sentence string) {
		t.Helper()
		o := n.status(chain, time.Minute)
		o.code(t, subsystem.Refused)
		if !strings.Contains(o.err.Error(), sentence) {
			t.Errorf("%q doesn't say %q", o.err, sentence)
		}
	}
	refusal("C", `chain "C", and this node has A, B`)
	refusal("", "must name one of A, B")
	o := &outcome{}
	n.onA.Do(func(sub *subsystem.Sub) {
		subsystem.Ask(sub.On("B"), &keystorev1.PublicKeys{}, time.Minute,
			func(_ *keystorev1.PublicKeysResponse, err error) {
				o.ends++
				o.err = err
			})
	})
	n.Advance(time.Millisecond)
	o.code(t, subsystem.Refused)
	n.onB.Kill()
	nobody := n.status("B", time.Minute)
	n.Advance(10 * time.Second)
	nobody.code(t, subsystem.Unavailable)
	if !strings.Contains(nobody.err.Error(), "no vm of chain B is attached") {
		t.Error(nobody.err)
	}
}

func TestChainsWhoAttachesSaysWhich(t *testing.T) {
	n := newTwoChains(t)
	for name, m := range map[string]*overseertest.Member{
		"this node has A, B":           n.AttachFor("C", n.perChain(&part{}), ""),
		`chain ""`:                     n.Attach(n.perChain(&part{}), ""),
		"serves all chains":            n.AttachFor("A", n.serving(&part{}), ""),
		"only a subsystem with a Spec": n.AttachFor("A", (&part{}).spec("engine", subsystem.PerChain), ""),
	} {
		if m.Refused == nil || !strings.Contains(m.Refused.Error(), name) {
			t.Errorf("%v doesn't say %q", m.Refused, name)
		}
	}
}

// In a node of one chain a part that serves all needs to name none.
func TestChainsTheOnlyOneNeedsNoName(t *testing.T) {
	n := &twoChains{t: t, a: &part{on: answerStatus}, all: &part{}}
	n.Bus = overseertest.NodeWith(t, overseer.Config{Chains: []string{"A"},
		Specs: []subsystem.Spec{n.perChain(n.a), n.serving(n.all)}})
	n.AttachFor("A", n.perChain(n.a), "vm")
	n.bridge = n.Attach(n.serving(n.all), "bridge")
	n.Settle()
	n.status("", time.Minute).code(t, 0)
	n.status("A", time.Minute).code(t, 0)
	for range 5000 { // more than a window: the credit comes back
		n.update("")
	}
	if len(n.a.heard) != 5002 {
		t.Errorf("heard %d", len(n.a.heard))
	}
}

func TestChainsPresenceIsOfOne(t *testing.T) {
	n := newTwoChains(t)
	w := &watcher{}
	n.Attach(subsystem.Spec{Name: "bitfield-signing", Sends: []proto.Message{&pluginv1.ConnectedRequest{}},
		New: func(*subsystem.Sub) (subsystem.Handler, error) { return w, nil }}, "watcher")
	n.Settle()
	n.onA.Kill()
	n.Settle()
	if want := []string{"vm of A true", "vm of B true", "vm of A false"}; !slices.Equal(w.saw, want) {
		t.Errorf("%v, want %v", w.saw, want)
	}
}
