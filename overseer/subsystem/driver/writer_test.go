package driver

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

func TestWhatIsSentTogetherLeavesTogether(t *testing.T) {
	r := newAsker()
	before := r.batches
	r.now(func() {
		for range 3 {
			r.out.Send("", &networkbridgev1.SendMessage{}, true)
		}
	})
	if len(r.sent) != 3 || r.batches != before+1 {
		t.Errorf("%d messages in %d batches", len(r.sent), r.batches-before)
	}
}

// A long burst doesn't wait for its end.
func TestABatchLeavesWhenItIsLarge(t *testing.T) {
	r := newAsker()
	r.edges.window = wire.Window{Messages: 1000, Bytes: 1 << 30}
	r.now(func() {
		for range 100 {
			r.out.Send("", &networkbridgev1.SendMessage{Payload: make([]byte, 1000)}, true)
		}
		if len(r.sent) == 0 || len(r.sent) == 100 {
			t.Errorf("%d of 100 had left before the end", len(r.sent))
		}
	})
	if len(r.sent) != 100 {
		t.Errorf("%d of 100", len(r.sent))
	}
}

// receiver is a rig that is sent messages.
func newReceiver() *rig { return newRig(Declaration{Name: "network-bridge"}) }

func (r *rig) give(n uint64, attempt uint32) {
	r.envelope(&wire.Envelope{
		ID: wire.NewID(7, n), Lane: wire.LaneBacking, Attempt: attempt, Message: variantOf(r,
			&networkbridgev1.SendMessage{}),
	})
}

// How far the program has got is said alone only after a while, or when it is much; with what else is written it costs
// nothing.
func TestProgressTravelsWithOtherFrames(t *testing.T) {
	r := newReceiver()
	r.writer.progress.window = wire.Window{Messages: 1000, Bytes: 1 << 20}
	r.give(0, 0)
	r.reports = nil // the first is reported at once
	r.give(1, 0)
	if len(r.reports) != 0 {
		t.Fatal("a frame for one message")
	}
	r.advance(reportIdle)
	if len(r.reports) != 1 || r.reports[0].Lanes[wire.LaneBacking] != 2 {
		t.Fatalf("after a while: %+v", r.reports)
	}
	r.on = func(m Message) { m.Request.Reply(&networkbridgev1.PeersResponse{}) }
	r.envelope(&wire.Envelope{Kind: wire.Request, ID: wire.NewID(7, 2), Lane: wire.LaneAdmin,
		Message: variantOf(r, &networkbridgev1.Peers{})})
	r.on = nil
	r.give(3, 0)
	r.advance(time.Second)
	if n := len(r.reports); r.reports[n-1].Lanes[wire.LaneBacking] != 3 || r.reports[n-1].Requests != 1 {
		t.Errorf("%+v", r.reports)
	}
	r.give(4, 1) // redelivered: others wait for the news that it is harmless
	if n := len(r.reports); r.reports[n-1].Lanes[wire.LaneBacking] != 4 {
		t.Errorf("%+v", r.reports)
	}
	r.detach()
	r.attach()
	r.give(5, 0)
	r.advance(time.Second)
	if n := len(r.reports); r.reports[n-1].Lanes[wire.LaneBacking] != 1 {
		t.Errorf("a new attachment goes on counting: %+v", r.reports[n-1])
	}
}
