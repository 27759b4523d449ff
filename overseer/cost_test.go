package overseer_test

import (
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// BenchmarkOneWay is what one message costs without its system calls: in the sender, in the overseer and in the
// receiver, one after the other on one goroutine.
func BenchmarkOneWay(b *testing.B) {
	c := newCost(b)
	message := &networkbridgev1.SendConsensusMessage{Protocol: "echo", Payload: make([]byte, 64)}
	spent := [3]time.Duration{}
	b.ReportAllocs()
	for left := b.N; left > 0; {
		n := min(left, 400)
		left -= n
		at := cpuTime()
		c.sender.post(func(sub *subsystem.Sub) {
			for range n {
				sub.Send(message)
			}
		})
		c.sender.machine.Step()
		spent[0] += lap(&at)
		c.bring(c.sender)
		c.take(c.receiver)
		spent[1] += lap(&at)
		c.receiver.step()
		spent[2] += lap(&at)
		c.bring(c.receiver)
		c.take(c.sender)
		spent[1] += lap(&at)
		c.sender.step()
		spent[0] += lap(&at)
	}
	if c.handled != b.N {
		b.Fatalf("%d of %d messages arrived", c.handled, b.N)
	}
	for i, who := range []string{"sender", "overseer", "receiver"} {
		b.ReportMetric(float64(spent[i].Nanoseconds())/float64(b.N), who+"-ns/op")
	}
}

func lap(at *time.Duration) time.Duration {
	was := *at
	*at = cpuTime()
	return *at - was
}

// cpuTime is what this process has used: a busy machine doesn't count.
func cpuTime() time.Duration {
	var at unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &at)
	return time.Duration(at.Nano())
}

// cost is an overseer and two subsystems without connections.
type cost struct {
	core             *overseer.Core
	sender, receiver *costEnd
	handled          int
	batch            wire.Batch
}

type costEnd struct {
	machine  *driver.Machine
	instance *broker.Instance
	sub      *subsystem.Sub
	up, down [][]byte
	names    wire.Names
}

func (e *costEnd) Write(batch []byte, _ bool) (free []byte, err error) {
	e.up = append(e.up, append([]byte(nil), batch...))
	return batch[:0], nil
}

func (e *costEnd) post(f func(*subsystem.Sub)) { e.sub.Post(func() { f(e.sub) }) }

type costHandler struct{ c *cost }

func (costHandler) Signal(*overseerv1.Signal)   {}
func (h costHandler) Handle(*subsystem.Message) { h.c.handled++ }

func newCost(b *testing.B) *cost {
	core, err := overseer.New(overseer.Config{Epoch: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	c := &cost{core: core}
	c.receiver = c.attach(b, subsystem.Spec{Name: "network-bridge"})
	c.sender = c.attach(b, subsystem.Spec{Name: "statement-distribution",
		Sends: []proto.Message{(*networkbridgev1.SendConsensusMessage)(nil)}})
	return c
}

func (c *cost) attach(b *testing.B, spec subsystem.Spec) *costEnd {
	e := &costEnd{names: wire.Names{}}
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) { e.sub = sub; return costHandler{c}, nil }
	e.machine = driver.New(spec.Program(), driver.Config{
		Runtime: realTime{overseertest.NewRuntime()}, Log: slog.New(slog.DiscardHandler), Wake: func() {},
	})
	i, welcome, err := c.core.Attach(time.Now(), e.machine.Hello(nil, spec.Name, 0, 0))
	if err != nil {
		b.Fatal(err)
	}
	e.instance = i
	e.machine.Attached(e, welcome)
	e.machine.Step()
	return e
}

// bring takes what an end has written to the overseer.
func (c *cost) bring(e *costEnd) {
	for _, batch := range e.up {
		_ = c.core.Frames(time.Now(), e.instance, batch, e.names)
	}
	e.up = e.up[:0]
}

// take takes all that the overseer has for an end.
func (c *cost) take(e *costEnd) {
	for {
		c.batch.Bytes = c.batch.Bytes[:0]
		c.core.Broker.Take(time.Now(), e.instance, broker.Primary, &c.batch, 64<<10)
		if c.batch.Len() == 0 {
			return
		}
		e.down = append(e.down, append([]byte(nil), c.batch.Bytes...))
	}
}

// step handles what was taken.
func (e *costEnd) step() {
	for _, batch := range e.down {
		_ = e.machine.Receive(batch)
	}
	e.down = e.down[:0]
	e.machine.Step()
}

// realTime is a test's world with the machine's clock, which is part of the cost.
type realTime struct{ *overseertest.Runtime }

func (realTime) Now() time.Time { return time.Now() }
