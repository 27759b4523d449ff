package bus

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/internal/bus/carrier"
)

// Config says what a comparison runs.
type Config struct {
	// Self is the command line of this executable after which a role's name follows.
	Self []string
	// Peers is the path of the peerbench binary.
	Peers string
	// Rounds is how many times each part is played by each side.
	Rounds int
	// Progress is told in words what is being measured.
	Progress io.Writer
}

// Run compares the bus, over each of its carriers, with its peers, and with itself under stress. It takes about a
// minute with seven rounds. ctx ends it between two rounds.
func Run(ctx context.Context, cfg Config) (bench.Document, error) {
	doc := bench.Document{Bench: "bus", When: time.Now().UTC().Truncate(time.Second), Machine: bench.Machine()}
	dir, err := os.MkdirTemp("", "reeve-bench")
	if err != nil {
		return doc, err
	}
	defer os.RemoveAll(dir)
	c := &comparison{cfg: cfg, ctx: ctx, sides: map[string]*rounds.Session{}}
	defer c.stop()
	if err := c.start(dir); err != nil {
		return doc, err
	}
	for _, p := range parts {
		rows, err := c.play(p)
		if err != nil {
			return doc, err
		}
		doc.Rows = append(doc.Rows, rows...)
	}
	for _, more := range []func() ([]bench.Row, error){c.blobs, c.stress,
		func() ([]bench.Row, error) { return c.tracing(dir) }} {
		rows, err := more()
		if err != nil {
			return doc, err
		}
		doc.Rows = append(doc.Rows, rows...)
	}
	return doc, nil
}

// comparison holds one session of every side; all of them stay up, and one at a time plays.
type comparison struct {
	cfg   Config
	ctx   context.Context
	sides map[string]*rounds.Session
}

// startOurs starts a session of ours over a carrier.
func (c *comparison) startOurs(name, socket string, over carrier.Kind, env ...string) (err error) {
	self := append(append([]string(nil), c.cfg.Self...), roleAsker, socket)
	c.sides[name], err = rounds.StartWith(append(env, carrier.Variable+"="+string(over)), name, "/proc/self/exe",
		self...)
	return err
}

func (c *comparison) start(dir string) (err error) {
	if err := c.startOurs(peerName, filepath.Join(dir, "bus.sock"), carrier.Fast); err != nil {
		return err
	}
	if err := c.startOurs(overGRPC, filepath.Join(dir, "grpc.sock"), carrier.GRPC); err != nil {
		return err
	}
	for _, peer := range []string{peerGRPC, peerNATS, peerRaw} {
		if c.sides[peer], err = rounds.Start(peer, c.cfg.Peers, "session", "--peer", peer); err != nil {
			return fmt.Errorf("%w: build the peers with `make peerbench`", err)
		}
	}
	return nil
}

func (c *comparison) stop() {
	for _, s := range c.sides {
		if s != nil {
			s.Stop()
		}
	}
}

// side is one session's turn at an order.
func (c *comparison) side(name string, order rounds.Order) func() (rounds.Result, error) {
	return func() (rounds.Result, error) {
		if err := c.ctx.Err(); err != nil {
			return rounds.Result{}, err
		}
		return c.sides[name].Play(order)
	}
}

func (c *comparison) say(what string, order rounds.Order) {
	fmt.Fprintf(c.cfg.Progress, "%s of %d bytes, %d rounds of %d\n", what, order.Size, c.cfg.Rounds, order.N)
}

func (c *comparison) play(p part) ([]bench.Row, error) {
	c.say(p.order.Op, p.order)
	names := append([]string{peerName, overGRPC}, p.peers...)
	var sides []func() (rounds.Result, error)
	for _, name := range names {
		sides = append(sides, c.side(name, p.order))
	}
	results, err := bench.InTurn(c.cfg.Rounds, sides...)
	if err != nil {
		return nil, err
	}
	of := map[string][]rounds.Result{}
	for i, name := range names {
		of[name] = results[i]
	}
	var rows []bench.Row
	for _, f := range p.figures {
		for _, a := range f.peers {
			rows = append(rows, bench.Against(f.name, f.unit, a.peer, a.target, bench.Column(of[peerName], f.value),
				bench.Column(of[a.peer], f.value)))
		}
		for _, a := range f.peers { // the other carrier has no target: it is there to be known
			name := f.name + ", over grpc-go"
			rows = append(rows, bench.Against(name, f.unit, a.peer, bench.Target{},
				bench.Column(of[overGRPC], f.value), bench.Column(of[a.peer], f.value)))
		}
	}
	return rows, nil
}

// stress compares the bus with itself: beside a consumer that has stopped, and with a signal to everybody. The
// fourteen listeners that it needs stay attached, so it comes last.
func (c *comparison) stress() ([]bench.Row, error) {
	c.say("ask beside a stopped consumer", besideStalled)
	results, err := bench.InTurn(c.cfg.Rounds, c.side(peerName, besideStalled), c.side(peerName, quiet))
	if err != nil {
		return nil, err
	}
	beside, alone := results[0], results[1]
	c.say("signal to fifteen", signalled)
	results, err = bench.InTurn(c.cfg.Rounds, c.side(peerName, signalled), c.side(peerName, quiet))
	if err != nil {
		return nil, err
	}
	return []bench.Row{
		bench.Against("ask 64 B beside a stopped consumer, p99", "µs", "undisturbed", undisturbed,
			bench.Column(beside, p99), bench.Column(alone, p99)),
		bench.Against("overseer's memory meanwhile", "MiB", "its bound", withinBound, bench.Column(beside, resident),
			bench.Column(beside, bound)),
		bench.Against("signal to 15 subsystems until all acknowledged, p50", "µs", "one ask", fifteen,
			bench.Column(results[0], p50), bench.Column(results[1], p50)),
	}, nil
}
