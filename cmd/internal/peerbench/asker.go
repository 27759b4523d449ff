package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	warmUp     = 50          // asks before each round that aren't counted: connections, caches, pools
	longest    = time.Minute // the histogram's upper end; a slower ask counts as this
	maxPayload = 16 << 20    // beyond every payload that is compared
	maxCount   = 100_000_000 // a round that never ends is a mistake in the order
	digits     = 3           // significant digits that the histogram keeps
)

// client is the asker's end of one peer.
type client interface {
	// Ask sends the payload and waits for its echo.
	Ask(payload []byte) error
	// Flood sends the payload n times and returns once the answerer has said that it counted n.
	Flood(payload []byte, n int) error
	Close()
}

// asker plays rounds against one peer and knows all processes that take part.
type asker struct {
	peer   string
	client client
	clocks []cpuClock
}

// withAsker starts the named peer's processes, connects, lets use play, and stops them all.
func withAsker(name string, use func(*asker) error) error {
	p, ok := peers[name]
	if !ok {
		return fmt.Errorf("no peer is called %q", name)
	}
	f, err := startFleet(p.roles)
	if err != nil {
		return err
	}
	defer f.stop()
	c, err := p.connect(f.address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", name, err)
	}
	defer c.Close()
	return use(&asker{peer: name, client: c, clocks: clocksOf(append(f.pids(), os.Getpid()))})
}

func (a *asker) play(order round) result {
	res := result{Op: order.Op, Peer: a.peer, Size: order.Size, N: order.N}
	if order.Size < 1 || order.Size > maxPayload || order.N < 1 || order.N > maxCount {
		res.Error = fmt.Sprintf("size %d or count %d is out of range", order.Size, order.N)
		return res
	}
	payload := randomBytes(order.Size)
	var err error
	switch order.Op {
	case "ask":
		err = a.asks(payload, &res)
	case "flood":
		err = a.flood(payload, &res)
	default:
		err = fmt.Errorf("unknown operation %q", order.Op)
	}
	if err != nil {
		res.Error = err.Error()
	}
	return res
}

func (a *asker) asks(payload []byte, res *result) error {
	for range warmUp {
		if err := a.client.Ask(payload); err != nil {
			return err
		}
	}
	times := hdrhistogram.New(1, longest.Nanoseconds(), digits)
	return a.timed(res, func() error {
		for range res.N {
			begin := time.Now()
			if err := a.client.Ask(payload); err != nil {
				return err
			}
			_ = times.RecordValue(min(time.Since(begin), longest).Nanoseconds())
		}
		res.P50 = float64(times.ValueAtQuantile(50))
		res.P99 = float64(times.ValueAtQuantile(99))
		return nil
	})
}

func (a *asker) flood(payload []byte, res *result) error {
	return a.timed(res, func() error { return a.client.Flood(payload, res.N) })
}

// timed fills in wall and CPU cost of work per operation.
func (a *asker) timed(res *result, work func() error) error {
	cpu, begin := totalCPU(a.clocks), time.Now()
	if err := work(); err != nil {
		return err
	}
	res.PerSecond = float64(res.N) / time.Since(begin).Seconds()
	res.CPU = float64(totalCPU(a.clocks)-cpu) / float64(res.N)
	return nil
}

// randomBytes are the same in every run and don't compress.
func randomBytes(size int) []byte {
	var seed [32]byte
	payload := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(payload)
	return payload
}
