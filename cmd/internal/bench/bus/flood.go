package bus

import (
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
)

const (
	// messages sent beyond the credit, which wait in the SDK, so that credit is never idle
	ahead = 4096
	again = 200 * time.Microsecond // between looks at whether there is room
)

// flood sends one-way messages as fast as the answerer gives credit, then asks it whether it has them all.
func (a *asker) flood(order rounds.Order, done func(rounds.Result)) {
	message := &networkbridgev1.SendConsensusMessage{Protocol: echo, Payload: randomBytes(order.Size)}
	began := time.Now()
	a.pour(message, order.N, func() {
		question := &networkbridgev1.SendRequest{Protocol: count,
			Payload: binary.BigEndian.AppendUint64(nil, uint64(order.N))}
		subsystem.Ask(a.sub, question, patience, func(answer *networkbridgev1.SendRequestResponse, err error) {
			done(counted(order, answer, err, began))
		})
	})
}

func counted(order rounds.Order, answer *networkbridgev1.SendRequestResponse, err error,
	began time.Time) rounds.Result {
	took := time.Since(began)
	if err != nil {
		return rounds.Result{Error: err.Error()}
	}
	if n := binary.BigEndian.Uint64(answer.GetPayload()); n != uint64(order.N) {
		return rounds.Result{Error: fmt.Sprintf("sent %d messages, %d arrived", order.N, n)}
	}
	return rounds.Result{PerSecond: float64(order.N) / took.Seconds()}
}

// pour sends left messages in portions of what there is room for, and then calls end.
func (a *asker) pour(message proto.Message, left int, end func()) {
	if room := a.sub.Room(message); room > 0 {
		for range min(left, room+ahead) {
			a.sub.Send(message)
			left--
		}
	}
	if left == 0 {
		end()
		return
	}
	a.sub.After(again, func() { a.pour(message, left, end) })
}

// asksBesideFlood sends to the stalled subsystem until there is no room left for it, and goes on trying while it asks
// the answerer.
func (a *asker) asksBesideFlood(order rounds.Order, done func(rounds.Result)) {
	stop := a.press(&povdistributionv1.NetworkBridgeUpdate{})
	a.asks(order, func(r rounds.Result) {
		stop()
		done(r)
	})
}

// press sends a message whenever there is room for it, until it is stopped.
func (a *asker) press(message proto.Message) (stop func()) {
	stopped := false
	var step func()
	step = func() {
		if stopped {
			return
		}
		for range a.sub.Room(message) {
			a.sub.Send(message)
		}
		a.sub.After(again, step)
	}
	step()
	return func() { stopped = true }
}
