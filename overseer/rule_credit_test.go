package overseer_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// encoded is a message as it stands in an envelope.
func encoded(m proto.Message) []byte {
	body, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	v := registry.Node().Of(m)
	return wire.AppendVariant(nil, v.Enum, v.Field, body)
}

func TestRule3AGenerationNeverComesAgain(t *testing.T) {
	p := newPair(t, overseer.Config{})
	seen := map[uint64]bool{}
	last := uint64(0)
	for range 5 {
		for range 3 {
			g := p.bridge.Instance().Generation
			if seen[g] || g <= last {
				t.Fatalf("generation %d after %d", g, last)
			}
			seen[g], last = true, g
			p.bridge.Kill()
			p.bridge.Start()
			p.Settle()
		}
		p.RestartOverseer()
		p.Settle()
	}
}

func TestRule3WhatAnOldGenerationSaysIsRefused(t *testing.T) {
	p := newPair(t, overseer.Config{})
	var b wire.Batch
	b.Envelope(wire.TagFromEnvelope, &wire.Envelope{ID: wire.NewID(9, 1), Generation: 1,
		Message: encoded(message("old"))})
	b.Envelope(wire.TagFromEnvelope, &wire.Envelope{ID: wire.NewID(9, 2), Generation: p.sender.Instance().Generation,
		Message: encoded(message("new"))})
	if err := p.Inject(p.sender, b.Bytes); err != nil {
		t.Fatal(err)
	}
	p.Settle()
	p.b.hears(t, "SendMessage new")
}

func TestRule4ASenderWaitsOnOneEdgeOnly(t *testing.T) {
	p := newPair(t, overseer.Config{Limits: overseer.Limits{Messages: 10, Bytes: 1 << 20}})
	p.b.on = answerAll
	store := &part{}
	p.Attach(store.spec("provisioner", subsystem.Single), "other")
	p.bridge.Frozen = true
	for n := range 25 {
		p.say(message(fmt.Sprint(n)))
	}
	other := ask[*keystorev1.PublicKeysResponse](p.sender, &keystorev1.PublicKeys{},
		time.Second) // not declared: refused at once
	p.say(vote("another lane"), imported("A", "0", 1))
	p.Advance(0)
	other.code(t, subsystem.Refused)
	p.a.hears(t, "start A") // the overseer itself is another edge
	if q := p.Status("network-bridge").Instances[0]; q.Queued+q.InFlight != 11 {
		t.Errorf("%d messages of two edges with a window of 10 and 1 in use", q.Queued+q.InFlight)
	}
	p.sender.Do(func(sub *subsystem.Sub) {
		if err := sub.TrySend(message("now or never")); subsystem.CodeOf(err) != subsystem.Overloaded {
			t.Errorf("TrySend on a full edge: %v", err)
		}
		if sub.Room(message("")) != 0 || sub.Room(vote("")) != 9 {
			t.Errorf("room for %d and %d", sub.Room(message("")), sub.Room(vote("")))
		}
	})
	p.bridge.Frozen = false
	p.Advance(time.Second)
	var got []string
	for _, h := range p.b.heard {
		if h != "start A" && h != "SendConsensusMessage another lane" {
			got = append(got, h)
		}
	}
	for n := range 25 {
		if got[n] != fmt.Sprintf("SendMessage %d", n) {
			t.Fatalf("out of order or lost: %v", got)
		}
	}
	if len(got) != 25 {
		t.Errorf("%d messages arrived", len(got))
	}
}

func TestRule4CreditIsBytesToo(t *testing.T) {
	p := newPair(t, overseer.Config{Limits: overseer.Limits{Messages: 1000, Bytes: 10_000}})
	p.bridge.Frozen = true
	big := string(bytes.Repeat([]byte("x"), 3000))
	for range 8 {
		p.say(message(big))
	}
	if q := p.Status("network-bridge").Instances[0]; q.Queued+q.InFlight != 3 {
		t.Errorf("%d messages of 3 kB in 10 kB", q.Queued+q.InFlight)
	}
	p.bridge.Frozen = false
	p.Advance(time.Second)
	if len(p.b.heard) != 8 {
		t.Errorf("%d arrived", len(p.b.heard))
	}
}

func TestRule4AnswersAndSignalsAreOutsideTheWindow(t *testing.T) {
	p := newPair(t, overseer.Config{Limits: overseer.Limits{Messages: 4, Bytes: 1 << 20}})
	p.b.on = answerAll
	var ends []*outcome
	for range 20 {
		ends = append(ends, p.request(time.Minute))
	}
	p.Settle()
	for _, o := range ends {
		o.code(t, 0)
	}
	p.bridge.Frozen = true
	for n := range 10 {
		p.say(message(fmt.Sprint(n)))
	}
	p.say(imported("A", "0", 1))
	p.a.hears(t, "start A")
}

// A client that ignores its credit is refused at the overseer: what is held never exceeds the printed bound.
func TestRule4MemoryIsBoundedByThePrintedFigure(t *testing.T) {
	p := newPair(t, overseer.Config{Limits: overseer.Limits{Messages: 100, Bytes: 1 << 20}})
	p.bridge.Frozen = true
	held := 0
	payload := bytes.Repeat([]byte("x"), 64<<10)
	for n := range uint64(400) {
		e := &wire.Envelope{ID: wire.NewID(9, n), Message: encoded(&networkbridgev1.SendMessage{Payload: payload})}
		var b wire.Batch
		b.Envelope(wire.TagFromEnvelope, e)
		before := p.Core.Broker.Count.Refused
		if err := p.Inject(p.sender, b.Bytes); err != nil {
			t.Fatal(err)
		}
		if p.Core.Broker.Count.Refused == before {
			held += e.Size()
		}
	}
	bound := p.Core.Broker.Bound()
	t.Logf("held %d bytes of one edge, the bound of the whole bus is %d", held, bound)
	if held > 1<<20 || held > bound || held == 0 {
		t.Errorf("%d bytes are held, the window is %d", held, 1<<20)
	}
}

// A refused message gives its credit back and no other's: what came before it is still unfinished, and is redelivered.
func TestRule4ARefusedMessageReturnsItsOwnCredit(t *testing.T) {
	p := newPair(t, overseer.Config{Limits: overseer.Limits{MaxMessage: 200, Messages: 10, Bytes: 1 << 20}})
	p.bridge.Frozen = true
	p.say(message("first"))
	var b wire.Batch
	b.Envelope(wire.TagFromEnvelope, &wire.Envelope{ID: wire.NewID(9, 9),
		Message: encoded(message(string(make([]byte, 500))))})
	for range 50 {
		if err := p.Inject(p.sender, b.Bytes); err != nil {
			t.Fatal(err)
		}
	}
	p.say(message("last"))
	p.RestartOverseer()
	p.bridge.Frozen = false
	p.Settle()
	p.b.hears(t, "SendMessage first again 1", "SendMessage last again 1")
}
