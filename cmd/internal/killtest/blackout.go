package killtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/proc"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// BlackoutOptions say how often the lights go out for a whole network at once.
type BlackoutOptions struct {
	Network *devnet.Throwaway
	Chain   string // whose VM is kvvm
	Tries   int
	Rate    float64       // transactions per second
	Lag     time.Duration // for so long before, no host of a VM but one writes to its disk
	Limit   time.Duration // how long the network may take to go on
	Seed    uint64
	Out     io.Writer
}

// BlackoutReport is what was left. Nothing is wrong when Faults is empty.
type BlackoutReport struct {
	Findings
	Tries    []Blackout `json:"tries"`
	WentOn   float64    `json:"wentOnP50Seconds"` // from the return of the first node until the others decide
	LastBack float64    `json:"lastBackP50Seconds"`
}

// Blackout is one time that the lights went out.
type Blackout struct {
	First    string        `json:"first"` // the node that clients were told by, and that is back last
	Told     int           `json:"toldFinal"`
	Heights  []uint64      `json:"heights"` // of the nodes as they come back
	WentOn   time.Duration `json:"wentOnNanos"`
	LastBack time.Duration `json:"lastBackNanos"` // until the last one has what the others have decided without it
}

// Blackouts cut the power of all validators at one moment, with kill -9 of all that runs. One of them, which is the
// only one that has just written to its disk and told its clients so, comes back when the others have gone on without
// it.
func Blackouts(ctx context.Context, o BlackoutOptions) (*BlackoutReport, error) {
	b := &blackouts{BlackoutOptions: o, report: &BlackoutReport{}, rng: rand.New(rand.NewPCG(o.Seed, 2))}
	for i := range o.Tries {
		switch err := b.try(ctx); {
		case errors.Is(err, errStands):
			b.report.fault("blackout %d: %v", i+1, err)
			return b.report, nil
		case err != nil:
			return nil, fmt.Errorf("blackout %d: %w", i+1, err)
		}
		t := b.report.Tries[i]
		fmt.Fprintf(o.Out, "  %2d: %s had told %d transactions final; back at heights %v, on after %.2f s, %[2]s has all after %.2[6]f s\n",
			i+1, t.First, t.Told, t.Heights, t.WentOn.Seconds(), t.LastBack.Seconds())
	}
	var on, back []time.Duration
	for _, t := range b.report.Tries {
		on, back = append(on, t.WentOn), append(back, t.LastBack)
	}
	b.report.WentOn, b.report.LastBack = at(on, 50), at(back, 50)
	return b.report, nil
}

// blackouts is one run of the test.
type blackouts struct {
	BlackoutOptions
	report *BlackoutReport
	rng    *rand.Rand
}

// try is one blackout: the network starts, works, dies, comes back in parts, and is looked at.
func (b *blackouts) try(ctx context.Context) error {
	client, err := b.Network.Up(ctx)
	if err != nil {
		return err
	}
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	b.rng.Shuffle(len(s.Nodes), func(i, j int) { s.Nodes[i], s.Nodes[j] = s.Nodes[j], s.Nodes[i] })
	chain := watch(ctx, s, b.Chain)
	defer chain.stop()
	t := Blackout{First: s.Nodes[0].Name}
	told, err := b.cut(ctx, client.Supervisor(), s, chain)
	if err != nil {
		return err
	}
	t.Told = len(told.final)
	stop, err := b.comeBack(ctx, s, chain, told, &t)
	defer stop()
	if err != nil {
		return err
	}
	chain.stop()
	b.report.Tries = append(b.report.Tries, t)
	found := Findings{Faults: b.report.Faults}
	found.fill(told, chain)
	err = found.verify(ctx, s, told, chain)
	b.report.take(found)
	return err
}

// take adds up what was found.
func (f *Findings) take(o Findings) {
	f.Posted, f.Final, f.Unfinished = f.Posted+o.Posted, f.Final+o.Final, f.Unfinished+o.Unfinished
	f.Heights, f.Faults = f.Heights+o.Heights, o.Faults
}

// patience of a client whose node may be dead for long.
const patience = 3 * time.Second

// cut lets clients post to the first node until the lights go out for all.
func (b *blackouts) cut(
	ctx context.Context, supervisor proc.Identity, s *devnet.Status, chain *watcher,
) (*load, error) {
	l := startFor(ctx, &devnet.Status{Nodes: s.Nodes[:1]}, b.Chain, b.Rate, patience)
	defer l.stop()
	if err := chain.first(ctx); err != nil {
		return nil, err
	}
	if err := pause(ctx, 200*time.Millisecond+time.Duration(b.rng.Int64N(int64(time.Second)))); err != nil {
		return nil, err
	}
	if err := b.slow(ctx, s.Nodes[1:]); err != nil {
		return nil, err
	}
	doomed := []proc.Identity{supervisor} // first: it would start the others again
	for _, n := range s.Nodes {
		for _, p := range n.Processes {
			doomed = append(doomed, proc.Identify(p.PID))
		}
	}
	for _, p := range doomed {
		p.Signal(syscall.SIGKILL) //nolint:errcheck // it has died with its parent
	}
	return l, gone(ctx, doomed)
}

// slow keeps the hosts of these nodes from writing to their disks for a time.
func (b *blackouts) slow(ctx context.Context, nodes []devnet.NodeStatus) error {
	if b.Lag == 0 {
		return nil
	}
	for _, n := range nodes {
		p, ok := n.Process("vmhost")
		if !ok {
			return fmt.Errorf("%s has no host", n.Name)
		}
		if err := proc.Identify(p.PID).Signal(syscall.SIGSTOP); err != nil {
			return err
		}
	}
	return pause(ctx, time.Duration(b.rng.Int64N(int64(b.Lag))))
}

// gone waits until none of the processes is left.
func gone(ctx context.Context, all []proc.Identity) error {
	for _, p := range all {
		for p.Alive() {
			if err := pause(ctx, 2*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// mostDelay is how much later than another one a node comes back.
const mostDelay = time.Second

// comeBack starts the nodes again, the first one when the others have gone on.
func (b *blackouts) comeBack(
	ctx context.Context, s *devnet.Status, chain *watcher, told *load, t *Blackout,
) (stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, end := range stops {
			end()
		}
	}
	back := func(n devnet.NodeStatus) error {
		end, err := b.Network.Node(n.Name)
		if err != nil {
			return err
		}
		stops = append(stops, end)
		h, err := b.answers(ctx, kv.New(n.HTTP, b.Chain), 0)
		t.Heights = append(t.Heights, h)
		return err
	}
	others := s.Nodes[1:]
	if len(others) == 0 {
		others = s.Nodes
	}
	began := time.Now()
	for _, n := range others {
		if err := pause(ctx, time.Duration(b.rng.Int64N(int64(mostDelay)))); err != nil {
			return stop, err
		}
		if err := back(n); err != nil {
			return stop, err
		}
	}
	more := startFor(ctx, &devnet.Status{Nodes: others}, b.Chain, b.Rate, putTimeout)
	defer func() { more.stop(); told.add(more) }()
	before := chain.height()
	if t.WentOn, err = b.until(ctx, began, func() bool { return chain.height() >= before+3 }); err != nil {
		return stop, fmt.Errorf("%d of %d nodes are back, and nothing is decided above height %d: %w",
			len(others), len(s.Nodes), before, err)
	}
	if len(others) == len(s.Nodes) {
		return stop, nil
	}
	began, before = time.Now(), chain.height()
	if err := back(s.Nodes[0]); err != nil {
		return stop, err
	}
	_, err = b.answers(ctx, kv.New(s.Nodes[0].HTTP, b.Chain), before)
	t.LastBack = time.Since(began)
	return stop, err
}

// answers waits until a node answers, and is at the height.
func (b *blackouts) answers(ctx context.Context, c *kv.Client, height uint64) (uint64, error) {
	var last uint64
	_, err := b.until(ctx, time.Now(), func() bool {
		h, err := c.Head(ctx)
		if err == nil {
			last = h.Height
		}
		return err == nil && h.Height >= height
	})
	if err != nil {
		return last, fmt.Errorf("a node that is back stands at height %d, not at %d: %w", last, height, err)
	}
	return last, nil
}

var errStands = errors.New("it stands still")

// until waits until it is so, and returns for how long.
func (b *blackouts) until(ctx context.Context, began time.Time, so func() bool) (time.Duration, error) {
	for limit := time.Now().Add(b.Limit); !so(); {
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
		if time.Now().After(limit) {
			return 0, errStands
		}
	}
	return time.Since(began), nil
}
