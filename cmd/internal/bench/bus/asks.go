package bus

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// askRound asks one question after the other, each when the one before has been answered.
type askRound struct {
	sub      *subsystem.Sub
	question *networkbridgev1.SendRequest
	times    *hdrhistogram.Histogram
	left     int
	warm     int
	began    time.Time // of the round
	asked    time.Time // of the question in hand
	done     func(rounds.Result)
}

func (a *asker) asks(order rounds.Order, done func(rounds.Result)) {
	r := &askRound{
		sub: a.sub, times: hdrhistogram.New(1, patience.Nanoseconds(), 3), left: order.N, warm: warmUp, done: done,
		question: &networkbridgev1.SendRequest{Protocol: echo, Payload: randomBytes(order.Size)},
	}
	r.next()
}

func (r *askRound) next() {
	r.asked = time.Now()
	subsystem.Ask(r.sub, r.question, patience, r.onAnswer)
}

func (r *askRound) onAnswer(answer *networkbridgev1.SendRequestResponse, err error) {
	now := time.Now()
	if err == nil && len(answer.GetPayload()) != len(r.question.Payload) {
		err = fmt.Errorf("sent %d bytes, %d came back", len(r.question.Payload), len(answer.GetPayload()))
	}
	if err != nil {
		r.done(rounds.Result{Error: err.Error()})
		return
	}
	if r.warm > 0 {
		if r.warm--; r.warm == 0 {
			r.began = now
		}
		r.next()
		return
	}
	_ = r.times.RecordValue(now.Sub(r.asked).Nanoseconds())
	if r.left--; r.left > 0 {
		r.next()
		return
	}
	r.done(rounds.Result{
		P50: float64(r.times.ValueAtQuantile(50)), P99: float64(r.times.ValueAtQuantile(99)),
		PerSecond: float64(r.times.TotalCount()) / now.Sub(r.began).Seconds(),
	})
}
