package subsystem_test

import (
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// notes is a link that keeps what was sent.
type notes struct{ sent []wire.Envelope }

func (n *notes) Write(batch []byte, _ bool) (free []byte, err error) {
	return nil, wire.Frames(batch, func(tag wire.Tag, body []byte) error {
		var e wire.Envelope
		if tag != wire.TagFromEnvelope {
			return nil
		}
		err := wire.ParseEnvelope(body, &e, wire.Names{})
		n.sent = append(n.sent, e)
		return err
	})
}

// An overseer that doesn't know a variant, being older, refuses it. That gives back the room of this message and of no
// other, and it isn't sent again.
func TestARefusedOneWayMessageIsTakenBackAlone(t *testing.T) {
	var sub *subsystem.Sub
	spec := subsystem.Spec{
		Name: "engine", Sends: []proto.Message{&networkbridgev1.SendMessage{}},
		New: func(s *subsystem.Sub) (subsystem.Handler, error) { sub = s; return &toy{sub: s}, nil },
	}
	m := driver.New(spec.Program(), driver.Config{Runtime: overseertest.NewRuntime(),
		Log: slog.New(slog.DiscardHandler), Wake: func() {}})
	attach := func(epoch uint64) *notes {
		n := &notes{}
		m.Attached(n, &overseerv1.Attached{Epoch: epoch, Generation: epoch,
			Window: &overseerv1.Window{Messages: 3, Bytes: 1 << 20}, MaxMessageBytes: 1 << 20})
		m.Step()
		return n
	}
	first := attach(1)
	for _, p := range []string{"a", "b", "c"} {
		sub.Send(&networkbridgev1.SendMessage{Payload: []byte(p)})
	}
	sub.Post(func() {})
	m.Step()
	if room := sub.Room(&networkbridgev1.SendMessage{}); room != 0 || len(first.sent) != 3 {
		t.Fatalf("room for %d, sent %d", room, len(first.sent))
	}
	var b wire.Batch
	refused := &wire.Envelope{Kind: wire.Fail, ID: first.sent[1].ID,
		Failure: &wire.Failure{Code: subsystem.Unimplemented}}
	b.Envelope(wire.TagToEnvelope, refused)
	b.Envelope(wire.TagToEnvelope, refused) // twice is once
	if err := m.Receive(b.Bytes); err != nil {
		t.Fatal(err)
	}
	m.Step()
	if room := sub.Room(&networkbridgev1.SendMessage{}); room != 1 {
		t.Errorf("room for %d", room)
	}
	m.Detached(first)
	second := attach(2)
	if len(second.sent) != 2 || second.sent[0].ID != first.sent[0].ID || second.sent[1].ID != first.sent[2].ID {
		t.Errorf("sent again: %v", second.sent)
	}
}
