package driver

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// variantOf is a message as an envelope carries it.
func variantOf(r *rig, m proto.Message) []byte {
	v := r.catalog.dir.Of(m)
	body, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return wire.AppendVariant(nil, v.Enum, v.Field, body)
}

func (r *rig) question(n uint64, attempt uint32) *Request {
	before := len(r.handled)
	r.envelope(&wire.Envelope{
		Kind: wire.Request, ID: wire.NewID(7, n), Lane: wire.LaneAdmin, Attempt: attempt, Message: variantOf(r,
			&networkbridgev1.Peers{}),
	})
	if len(r.handled) == before {
		return nil
	}
	return r.handled[len(r.handled)-1].Request
}

func TestARequestIsAnsweredAtMostOnce(t *testing.T) {
	r := newReceiver()
	q := r.question(1, 0)
	r.now(func() {
		q.Reply(&networkbridgev1.PeersResponse{})
		q.Reply(&networkbridgev1.PeersResponse{})
		q.Fail(failf(refused, "no"))
		q.End()
	})
	if late, _ := r.Dropped(); len(r.sent) != 1 || late != 2 || q.Open() {
		t.Errorf("%d answers, %d late", len(r.sent), late)
	}
}

func TestWhatIsDeliveredAgainToTheSameProcessIsNotHandledAgain(t *testing.T) {
	r := newReceiver()
	r.give(1, 0)
	first := r.question(2, 0)
	r.give(1, 1)
	if r.question(2, 1) != nil || len(r.handled) != 2 {
		t.Errorf("%d handled", len(r.handled))
	}
	if first.Reply(&networkbridgev1.PeersResponse{}); r.question(2, 1) == nil {
		t.Error("a request that was answered, and whose answer was lost, is not handled again")
	}
}

func TestNobodyIsAnsweredOverANewLink(t *testing.T) {
	r := newReceiver()
	q := r.question(1, 0)
	r.detach()
	if q.Open() {
		t.Error("the answer is wanted by nobody")
	}
	r.attach()
	r.now(func() { q.Reply(&networkbridgev1.PeersResponse{}) })
	if _, serving, _ := r.Open(); len(r.sent) != 0 || serving != 0 {
		t.Errorf("%d sent, %d served", len(r.sent), serving)
	}
}

// Who keeps something for an asker lets go of it when the overseer has taken the way back with it, in the order in
// which the requests came from each.
func TestWhatIsServedEndsWithTheOverseer(t *testing.T) {
	r := newReceiver()
	var ended []uint64
	for n := uint64(9); n > 0; n-- {
		r.question(n, 0).OnCancel(func() { ended = append(ended, n) })
	}
	r.detach()
	if !slices.Equal(ended, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("ended: %v", ended)
	}
	if r.detach(); len(ended) != 9 {
		t.Errorf("ended twice: %v", ended)
	}
}

func TestWhatDoesNotDecodeIsRefusedAndTheNextIsHandled(t *testing.T) {
	r := newReceiver()
	for n, message := range map[uint64][]byte{1: {0xff}, 2: wire.AppendVariant(nil, 4, 999, nil),
		3: variantOf(r, &networkbridgev1.SendMessage{})} {
		r.envelope(&wire.Envelope{Kind: wire.Request, ID: wire.NewID(7, n), Lane: wire.LaneAdmin, Message: message})
	}
	codes := map[uint64]overseerv1.Failure_Code{}
	for _, e := range r.sent {
		codes[e.ID.Counter()] = e.Failure.GetCode()
	}
	if codes[1] != refused || codes[2] != unimplemented || codes[3] != refused || len(r.handled) != 0 {
		t.Errorf("%v", codes)
	}
	if r.question(4, 0) == nil {
		t.Error("nothing is handled any more")
	}
}

func TestAnAnswerThatIsTooLargeIsAFailure(t *testing.T) {
	r := newReceiver()
	q := r.question(1, 0)
	r.now(func() {
		peers := make([]*networkbridgev1.PeerInfo, 0, 5000)
		for range cap(peers) {
			peers = append(peers, &networkbridgev1.PeerInfo{Peer: make([]byte, 32)})
		}
		q.Reply(&networkbridgev1.PeersResponse{Peers: peers})
	})
	if len(r.sent) != 1 || r.sent[0].Failure.GetCode() != refused || q.Open() {
		t.Errorf("%+v", r.sent)
	}
}
