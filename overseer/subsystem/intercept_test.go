package subsystem_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitydistributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// twice sends every chunk twice, the second time as another validator's, and says that all data is here.
type twice struct{}

func (twice) Send(m proto.Message) []proto.Message {
	again := proto.CloneOf(m.(*availabilitydistributionv1.DistributeChunk))
	again.Candidate = hash('x')
	return []proto.Message{m, again}
}

func (twice) Ask(req proto.Message) proto.Message {
	if _, ok := req.(*availabilitystorev1.QueryDataAvailability); ok {
		return &availabilitystorev1.QueryDataAvailabilityResponse{Available: true}
	}
	return nil
}

// talker says and asks things when it is told to.
type talker struct{ sub *subsystem.Sub }

func (talker) Signal(*overseerv1.Signal)   {}
func (talker) Handle(m *subsystem.Message) { m.Unknown() }

func TestAnInterceptorChangesWhatIsSentAndAnswersWhatIsAsked(t *testing.T) {
	h := &talker{}
	o := overseertest.Start(t, subsystem.Spec{
		Name:  "candidate-backing",
		Sends: []proto.Message{&availabilitydistributionv1.DistributeChunk{}},
		Asks: []proto.Message{
			&availabilitystorev1.QueryDataAvailability{}, &availabilitystorev1.QueryChunkAvailability{},
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			h.sub = sub.Through(twice{})
			return h, nil
		},
	})
	ways := map[string]func(proto.Message){
		"Send":         h.sub.Send,
		"TrySend":      func(m proto.Message) { _ = h.sub.TrySend(m) },
		"of a chain":   h.sub.On("other").Send,
		"of that, too": func(m proto.Message) { _ = h.sub.On("other").TrySend(m) },
	}
	for name, send := range ways {
		h.sub.Post(func() { send(&availabilitydistributionv1.DistributeChunk{Candidate: hash('c')}) })
		o.Step()
		for _, want := range []byte("cx") {
			if m, _ := overseertest.Expect[*availabilitydistributionv1.DistributeChunk](o); m.Candidate[0] != want {
				t.Errorf("%s: %c is sent, not %c", name, m.Candidate[0], want)
			}
		}
	}
	var answers []bool
	h.sub.Post(func() {
		subsystem.Ask(h.sub, &availabilitystorev1.QueryDataAvailability{Candidate: hash('c')}, time.Second,
			func(r *availabilitystorev1.QueryDataAvailabilityResponse, err error) {
				answers = append(answers, r.GetAvailable() && err == nil)
			})
		if len(answers) != 0 {
			t.Error("answered before the question was asked to its end")
		}
	})
	o.Step()
	o.Advance(time.Millisecond)
	if len(answers) != 1 || !answers[0] {
		t.Errorf("answers %v", answers)
	}
	h.sub.Post(func() {
		subsystem.Ask(h.sub, &availabilitystorev1.QueryChunkAvailability{Candidate: hash('c')}, time.Second,
			func(*availabilitystorev1.QueryChunkAvailabilityResponse, error) {})
	})
	o.Step()
	overseertest.Expect[*availabilitystorev1.QueryChunkAvailability](o) // goes its way
}
