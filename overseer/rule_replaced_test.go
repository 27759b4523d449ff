package overseer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// mute attaches as a subsystem, beats, and neither reads nor answers.
func (b *bus) mute(name string, previous uint64) (generation uint64) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := carrier.Client{Address: "unix:" + b.addr, Kind: b.over.client}.Dial(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { cancel(); stream.Close() })
	say := func(tag wire.Tag, m proto.Message) error {
		body, err := proto.Marshal(m)
		if err != nil {
			return err
		}
		var batch wire.Batch
		batch.Frame(tag, body)
		return stream.Send(&batch)
	}
	hello := &overseerv1.Hello{Subsystem: name, ProtocolMin: 1, ProtocolMax: 1, PreviousGeneration: previous,
		Declaration: &overseerv1.Declaration{}}
	if err := say(wire.TagHello, hello); err != nil {
		b.t.Fatal(err)
	}
	var welcome wire.Batch
	if err := stream.Recv(&welcome); err != nil {
		b.t.Fatal(err)
	}
	err = wire.Frames(welcome.Bytes, func(_ wire.Tag, body []byte) error {
		a := &overseerv1.Attached{}
		defer func() { generation = a.Generation }()
		return proto.Unmarshal(body, a)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	go func() {
		for say(wire.TagHeartbeat, &overseerv1.Heartbeat{}) == nil {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
	}()
	return generation
}

// One that beats and answers nothing holds the place; somebody who works stands by.
func TestAMuteHolderIsEndedAndTheStandbyTakesOver(t *testing.T) {
	t.Parallel()
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		b := startBusOver(t, c, overseer.Config{Epoch: 1,
			Limits: overseer.Limits{Progress: 300 * time.Millisecond, Start: 300 * time.Millisecond}})
		b.mute("availability-store", 0)
		b.run(store(subsystem.Single, echo))
		a := b.asker()
		for range 100 {
			if a.ask(200*time.Millisecond) == nil {
				return
			}
		}
		t.Error("the mute one holds the place, and nobody is answered")
	})
}

// One takes the place of another that is alive and well. That one learns of it, finds that it isn't live any more, and
// ends, so that whoever started it starts it anew.
func TestWhoIsReplacedLearnsOfItAndStartsAnew(t *testing.T) {
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		b := startBusOver(t, c, overseer.Config{Epoch: 1})
		stop := b.run(store(subsystem.Single, echo))
		first := b.status("availability-store").Instances[0].Generation
		thief := b.mute("availability-store", first)
		b.until("the replaced one came back as a standby and went", func() bool {
			s := b.status("availability-store")
			return s.Starts == 3 && len(s.Instances) == 1 && s.Instances[0].Generation == thief
		})
		if err := stop(); err == nil || !strings.Contains(err.Error(), "took over") {
			t.Errorf("it ended with %v", err)
		}
	})
}

// What somebody says who was replaced is ignored, whatever it is.
func TestWhatAReplacedOneSaysIsIgnored(t *testing.T) {
	p := newPair(t, overseer.Config{})
	old := p.sender.Instance()
	var b wire.Batch
	b.Envelope(wire.TagFromEnvelope, &wire.Envelope{ID: wire.NewID(old.Generation, 77),
		Message: encoded(message("from the grave"))})
	b.Frame(wire.TagStatusAnswer, nil)
	b.Frame(wire.TagHeartbeat, nil)
	thief, _, err := p.Core.Attach(p.Runtime.Now(), &overseerv1.Hello{Subsystem: old.Subsystem, ProtocolMin: 1,
		ProtocolMax: 1, PreviousGeneration: old.Generation, Declaration: &overseerv1.Declaration{}})
	if err != nil || thief.Standby {
		t.Fatalf("it didn't take the place: %v", err)
	}
	if err := p.Core.Frames(p.Runtime.Now(), old, b.Bytes, wire.Names{}); err != nil {
		t.Fatal(err)
	}
	p.Settle()
	if len(p.b.heard) != 0 {
		t.Errorf("it was heard: %v", p.b.heard)
	}
	if p.sender.Running() {
		t.Error("it goes on as if it were live")
	}
}

func (b *bus) status(name string) broker.SubsystemStatus {
	for _, s := range b.server.Status().Subsystems {
		if s.Name == name {
			return s
		}
	}
	return broker.SubsystemStatus{}
}

// until waits for something that becomes true by itself.
func (b *bus) until(what string, is func() bool) {
	b.t.Helper()
	for range 2000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.t.Fatalf("it never came: %s; %+v", what, b.status("availability-store"))
}
