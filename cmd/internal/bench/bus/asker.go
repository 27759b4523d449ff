package bus

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

const (
	askerName   = "statement-distribution"
	stalledName = "pov-distribution"
	warmUp      = 50               // asks before each round that aren't counted
	patience    = 30 * time.Second // an ask that takes longer fails its round
	roundLimit  = 2 * time.Minute
	maxPayload  = 128 << 10
	maxCount    = 100_000_000
)

// listeners are the other subsystems that a signal goes to, the stalled one among them. With the answerer they are
// fifteen.
var listeners = []string{
	stalledName, "vm", "keystore", "runtime-api", "candidate-validation", "candidate-backing", "candidate-selection",
	"availability-distribution", "availability-store", "bitfield-signing", "bitfield-distribution", "provisioner",
	"misbehavior-arbitration", "collator",
}

// asker is the subsystem that plays the rounds, one at a time.
type asker struct {
	sub    *subsystem.Sub
	onAck  func() // of the round that counts them
	height uint64
}

func askerSpec(ready func(*asker)) subsystem.Spec {
	return subsystem.Spec{
		Name: askerName,
		Sends: []proto.Message{
			(*networkbridgev1.SendConsensusMessage)(nil), (*overseerv1.BlockImported)(nil),
			(*overseerv1.BlockAccepted)(nil),
			(*povdistributionv1.NetworkBridgeUpdate)(nil),
		},
		Asks: []proto.Message{(*networkbridgev1.SendRequest)(nil)},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			a := &asker{sub: sub}
			ready(a)
			return a, nil
		},
	}
}

func (a *asker) Signal(*overseerv1.Signal) {}

func (a *asker) Handle(m *subsystem.Message) {
	switch m.Body.(type) {
	case *statementdistributionv1.Share:
		if a.onAck != nil {
			a.onAck()
		}
	default:
		m.Unknown()
	}
}

// session is the asker's process: the subsystem, and the fleet around it.
type session struct {
	asker    *asker
	fleet    *rounds.Fleet
	socket   string
	overseer *rounds.Child
	answerer *rounds.Child
	others   map[string]*rounds.Child
}

// playAsker starts the overseer and the answerer, attaches, and plays orders until the input ends.
func playAsker(ctx context.Context, self []string, socket string, in io.Reader, out io.Writer) (err error) {
	s := &session{fleet: rounds.NewFleet(self...), socket: socket, others: map[string]*rounds.Child{}}
	defer s.fleet.Stop()
	if s.overseer, err = s.fleet.Start(roleOverseer, socket); err != nil {
		return err
	}
	if s.answerer, err = s.fleet.Start(roleAnswerer, socket); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opt, stop, err := options(ctx, askerName, socket)
	if err != nil {
		return err
	}
	defer stop()
	ready := make(chan *asker, 1)
	ended := make(chan error, 1)
	go func() { ended <- subsystem.Run(ctx, askerSpec(func(a *asker) { ready <- a }), opt) }()
	select {
	case s.asker = <-ready:
	case err := <-ended:
		return err
	}
	return rounds.Serve(in, out, s.play)
}

func (s *session) play(order rounds.Order) rounds.Result {
	if order.Size < 1 || order.Size > maxPayload || order.N < 1 || order.N > maxCount {
		return failed(order, "size %d or count %d is out of range", order.Size, order.N)
	}
	switch order.Op {
	case "ask":
		return s.onLoop(order, s.asker.asks)
	case "flood":
		return s.onLoop(order, s.asker.flood)
	case "signal":
		return s.signals(order)
	case "stalled":
		return s.stalled(order)
	}
	return failed(order, "unknown operation")
}

// onLoop runs a round on the subsystem's loop and waits for its end; it adds what all processes used.
func (s *session) onLoop(order rounds.Order, begin func(rounds.Order, func(rounds.Result))) rounds.Result {
	clocks := rounds.ClocksOf(s.pids())
	before := rounds.TotalCPU(clocks)
	done := make(chan rounds.Result, 1)
	s.asker.sub.Post(func() { begin(order, func(r rounds.Result) { done <- r }) })
	select {
	case result := <-done:
		result.Op, result.Peer, result.Size, result.N = order.Op, peerName, order.Size, order.N
		result.CPU = float64(rounds.TotalCPU(clocks)-before) / float64(order.N)
		return result
	case <-time.After(roundLimit):
		return failed(order, "no end after %v", roundLimit)
	}
}

func (s *session) pids() []int {
	pids := []int{os.Getpid(), s.overseer.Pid, s.answerer.Pid}
	for _, c := range s.others {
		pids = append(pids, c.Pid)
	}
	return pids
}

// signals starts whoever is missing of the fifteen, then plays the round.
func (s *session) signals(order rounds.Order) rounds.Result {
	for _, name := range listeners {
		if err := s.need(name); err != nil {
			return failed(order, "%v", err)
		}
	}
	return s.onLoop(order,
		func(order rounds.Order, done func(rounds.Result)) { s.asker.signals(order, len(listeners)+1, done) })
}

func (s *session) need(listener string) error {
	if s.others[listener] != nil {
		return nil
	}
	c, err := s.fleet.Start(roleListener, s.socket, listener)
	if err == nil {
		s.others[listener] = c
	}
	return err
}

// stalled stops one consumer, floods it until nothing more can be sent to it, and asks another meanwhile.
func (s *session) stalled(order rounds.Order) rounds.Result {
	if err := s.need(stalledName); err != nil {
		return failed(order, "%v", err)
	}
	consumer := s.others[stalledName]
	if err := consumer.Signal(syscall.SIGSTOP); err != nil {
		return failed(order, "%v", err)
	}
	defer func() { _ = consumer.Signal(syscall.SIGCONT) }()
	result := s.onLoop(order, s.asker.asksBesideFlood)
	result.Bytes = float64(proc.Resident(s.overseer.Pid))
	if bound, err := s.overseer.Say("bound"); err == nil {
		result.Bound, _ = strconv.ParseFloat(bound, 64)
	}
	return result
}

// randomBytes are the same in every run and don't compress.
func randomBytes(size int) []byte {
	var seed [32]byte
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}
