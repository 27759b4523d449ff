package overseer_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

func TestRule7ACycleOfAsksIsRefusedAtStartAndNamed(t *testing.T) {
	specs := []subsystem.Spec{
		{Name: "network-bridge", Asks: []proto.Message{&availabilitystorev1.QueryPoV{}}},
		{Name: "availability-store", Asks: []proto.Message{&keystorev1.PublicKeys{}}},
		{Name: "keystore", Asks: []proto.Message{&networkbridgev1.Peers{}}},
	}
	_, err := overseer.New(overseer.Config{Specs: specs})
	if err == nil || !strings.Contains(err.Error(),
		"network-bridge asks availability-store asks keystore asks network-bridge") {
		t.Errorf("%v", err)
	}
	// a way back that nobody waits for
	specs[2].Asks, specs[2].Sends = nil, []proto.Message{&networkbridgev1.SendMessage{}}
	if _, err := overseer.New(overseer.Config{Specs: specs}); err != nil {
		t.Error(err)
	}
}

func TestRule7WhatASpecMayNotDeclare(t *testing.T) {
	for want, spec := range map[string]subsystem.Spec{
		"list it in Asks":      {Name: "keystore", Sends: []proto.Message{&networkbridgev1.Peers{}}},
		"list it in Sends":     {Name: "keystore", Asks: []proto.Message{&networkbridgev1.SendMessage{}}},
		"is in no enum":        {Name: "keystore", Sends: []proto.Message{&keystorev1.SignBlockResponse{}}},
		"line in AllMessages":  {Name: "uptime"},
		"keystore asks itself": {Name: "keystore", Asks: []proto.Message{&keystorev1.PublicKeys{}}},
	} {
		_, err := overseer.New(overseer.Config{Specs: []subsystem.Spec{spec}})
		want = strings.Replace(want, "asks itself", "asks keystore", 1)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// hello is one that would be taken.
func hello() *overseerv1.Hello {
	return &overseerv1.Hello{ProtocolMin: 1, ProtocolMax: 1, Subsystem: "keystore", Token: []byte("keystore"),
		Declaration: &overseerv1.Declaration{Class: overseerv1.Declaration_CLASS_SINGLE}}
}

func TestRule12And14WhoIsTaken(t *testing.T) {
	bus := overseertest.NodeWith(t, overseer.Config{
		Specs: []subsystem.Spec{{Name: "keystore"},
			{Name: "network-bridge", Asks: []proto.Message{&keystorev1.PublicKeys{}}}},
		Token: func(role string) ([]byte, error) {
			if role == "nobody" {
				return nil, errors.New("no token file")
			}
			return []byte(role), nil
		},
	})
	for name, c := range map[string]struct {
		change func(h *overseerv1.Hello)
		want   overseer.Reason
		says   string
	}{
		"the right one":          {func(*overseerv1.Hello) {}, 0, ""},
		"class left out":         {func(h *overseerv1.Hello) { h.Declaration.Class = 0 }, 0, ""},
		"a newer one that knows": {func(h *overseerv1.Hello) { h.ProtocolMax = 9 }, 0, ""},
		"a newer one": {func(h *overseerv1.Hello) { h.ProtocolMin, h.ProtocolMax = 2, 3 },
			overseer.Incompatible, "versions 2 to 3"},
		"an older one": {func(h *overseerv1.Hello) { h.ProtocolMin, h.ProtocolMax = 0, 0 },
			overseer.Incompatible, "this overseer speaks 1"},
		"a wrong token": {func(h *overseerv1.Hello) { h.Token = []byte("network-bridge") },
			overseer.Unauthenticated, "REEVE_TOKEN_FILE"},
		"no token": {func(h *overseerv1.Hello) { h.Token = nil }, overseer.Unauthenticated, "token"},
		"a role without a token": {func(h *overseerv1.Hello) { h.Subsystem, h.Token = "nobody", nil },
			overseer.Unauthenticated, "token"},
		"no name": {func(h *overseerv1.Hello) { h.Subsystem = "" }, overseer.Malformed,
			"names its subsystem"},
		"no declaration": {func(h *overseerv1.Hello) { h.Declaration = nil }, overseer.Malformed, "declares"},
		"another class": {func(h *overseerv1.Hello) { h.Declaration.Class = overseerv1.Declaration_CLASS_POOL },
			overseer.Forbidden, "is single"},
		"an undeclared edge": {func(h *overseerv1.Hello) { h.Declaration.Sends = []string{"reeve.networkbridge.v1.SendMessage"} },
			overseer.Forbidden, "which its Spec in this node doesn't have"},
		"an unknown variant": {func(h *overseerv1.Hello) { h.Declaration.Asks = []string{"reeve.keystore.v1.GiveMeTheKey"} }, overseer.Forbidden, "no variant"},
		"a stranger that closes a cycle": {func(h *overseerv1.Hello) {
			h.Subsystem, h.Token = "availability-store", []byte("availability-store")
			h.Declaration.Asks = []string{"reeve.availabilitystore.v1.QueryPoV"}
		}, overseer.Forbidden, "availability-store asks availability-store"},
	} {
		h := hello()
		c.change(h)
		i, _, err := bus.Core.Attach(bus.Runtime.Now(), h)
		var refused *overseer.AttachError
		switch {
		case c.want == 0 && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == 0:
			bus.Core.Detach(bus.Runtime.Now(), i, true, "")
		case !errors.As(err, &refused) || refused.Reason != c.want || !strings.Contains(refused.Text, c.says):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A fault of ours is said to be that, and doesn't end who came with the right token; a token that is no secret admits
// nobody.
func TestRule12WhatIsWrongWithATokenIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		want []byte
		err  error
		says string
		code overseer.Reason
	}{
		"no descriptor": {nil, &fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}, "too many open files",
			overseer.Unready},
		"no right":     {nil, &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "permission denied", overseer.Unready},
		"no secret":    {nil, errcode.New(errcode.KeyBroken, "Do.", nil, "it is empty"), "it is empty", overseer.Unauthenticated},
		"none":         {nil, fs.ErrNotExist, "didn't show the token", overseer.Unauthenticated},
		"an empty one": {[]byte{}, nil, "didn't show the token", overseer.Unauthenticated},
	} {
		bus := overseertest.NodeWith(t, overseer.Config{Token: func(string) ([]byte, error) { return c.want, c.err }})
		h := hello()
		h.Token = nil
		_, _, err := bus.Core.Attach(bus.Runtime.Now(), h)
		var refused *overseer.AttachError
		if !errors.As(err, &refused) || refused.Reason != c.code || !strings.Contains(refused.Text, c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Default deny: what an instance didn't declare is refused at the overseer, whatever the instance's own library let it
// do.
func TestRule12WhatIsNotDeclaredIsNotRouted(t *testing.T) {
	p := newPair(t, overseer.Config{})
	var b wire.Batch
	b.Envelope(wire.TagFromEnvelope, &wire.Envelope{ID: wire.NewID(9, 1), From: "bitfield-signing",
		Message: encoded(message("forged"))})
	if err := p.Inject(p.bridge, b.Bytes); err != nil { // the bridge may send nothing
		t.Fatal(err)
	}
	p.Settle()
	p.b.hears(t)
	if p.Core.Broker.Count.Refused != 1 {
		t.Errorf("%d refused", p.Core.Broker.Count.Refused)
	}
}

func TestRule12TheSenderIsWhoTheOverseerSaysItIs(t *testing.T) {
	p := newPair(t, overseer.Config{})
	var from []string
	p.b.on = func(m *subsystem.Message) { from = append(from, m.From) }
	var b wire.Batch
	for n := range uint64(3) { // the like of what came before is read by a shorter way
		b.Envelope(wire.TagFromEnvelope, &wire.Envelope{ID: wire.NewID(9, n), From: "keystore", To: "keystore",
			SignalSeq: 1 << 40, Message: encoded(message("forged"))})
	}
	if err := p.Inject(p.sender, b.Bytes); err != nil {
		t.Fatal(err)
	}
	p.Settle()
	if want := []string{"bitfield-signing", "bitfield-signing", "bitfield-signing"}; !slices.Equal(from, want) {
		t.Errorf("from %q", from)
	}
}

// An answer counts only from the instance that was given the question.
func TestRule12NobodyAnswersForAnother(t *testing.T) {
	p := newPair(t, overseer.Config{})
	stranger := p.Attach((&part{}).spec("collator", subsystem.Pool), "stranger")
	p.Settle()
	o := p.request(time.Minute)
	p.Settle()
	for counter := range uint64(10) { // nobody knows the ids of another process, but suppose somebody did
		for _, e := range []*wire.Envelope{{Kind: wire.Reply, Reply: []byte{}},
			{Kind: wire.Fail, Failure: &wire.Failure{Code: 7}}, {Kind: wire.Cancel}} {
			e.ID = p.sender.Machine().ID(counter)
			var b wire.Batch
			b.Envelope(wire.TagFromEnvelope, e)
			if err := p.Inject(stranger, b.Bytes); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.Settle()
	if o.ends != 0 || p.Core.Broker.Status().Open != 1 {
		t.Errorf("%d ends, %v", o.ends, o.err)
	}
}

// inject sends one envelope as the sender.
func (p *pair) inject(t *testing.T, e *wire.Envelope) {
	t.Helper()
	p.request(time.Minute) // an ask whose id is borrowed
	p.bridge.HoldPrimary = true
	p.Settle()
	var b wire.Batch
	b.Envelope(wire.TagFromEnvelope, e)
	if err := p.Inject(p.sender, b.Bytes); err != nil {
		t.Fatal(err)
	}
	p.Settle()
}

func TestRule13UnknownIsAnAnswerAndTheBusGoesOn(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.b.on = func(m *subsystem.Message) {
		if _, ok := m.Body.(*networkbridgev1.SendRequest); ok {
			m.Unknown()
			return
		}
		answerAll(m)
	}
	o := p.request(time.Minute)
	p.Settle()
	o.code(t, subsystem.Unimplemented)
	for _, m := range [][]byte{nil, {}, wire.AppendVariant(nil, 4, 999, nil), wire.AppendVariant(nil, 999, 1, nil),
		{0xff, 0xff}, []byte("no message at all")} {
		before := p.Core.Broker.Count.Refused
		p.inject(t, &wire.Envelope{Kind: wire.Request, ID: wire.NewID(9, 1), TimeoutMicros: 1e6, Message: m})
		if p.Core.Broker.Count.Refused != before+1 {
			t.Errorf("%x was not refused", m)
		}
	}
	p.bridge.HoldPrimary = false
	safe := p.peers(time.Minute)
	p.Settle()
	safe.code(t, 0)
}

// The overseer doesn't look into a message: a payload that doesn't decode is refused by its receiver, which goes on.
func TestRule13APayloadThatDoesNotDecodeIsRefused(t *testing.T) {
	p := newPair(t, overseer.Config{})
	p.b.on = answerAll
	v := registry.Node().Of(&networkbridgev1.SendMessage{})
	garbage := wire.AppendVariant(nil, v.Enum, v.Field, protowire.AppendTag(nil, 1, protowire.BytesType))
	p.inject(t, &wire.Envelope{ID: wire.NewID(9, 1), Message: garbage})
	p.bridge.HoldPrimary = false
	p.Settle()
	p.b.heard = nil
	p.say(message("after"))
	p.b.hears(t, "SendMessage after")
	p.Advance(time.Second)
	if !p.bridge.Running() || p.Core.Broker.Status().Open != 0 {
		t.Error("the bridge is gone")
	}
	if i := p.Status("network-bridge").Instances[0]; i.InFlight != 0 {
		t.Errorf("%d messages are unfinished: the garbage holds credit", i.InFlight)
	}
}
