package killtest

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/auditor"
	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/proc"
)

// ParaOptions say where the parachain's block producer is, and the network's files.
type ParaOptions struct {
	Program string // reeve
	Home    datadir.Network
}

// ParaReport is what became of the parachain.
type ParaReport struct {
	Included   int              `json:"included"`
	TimedOut   int              `json:"timedOut"`
	LongestGap float64          `json:"longestGapSeconds"` // between two included candidates
	GapAfter   string           `json:"longestGapAfter"`   // the kill before it
	Producers  int              `json:"producers"`         // processes of it, one after the other
	Followed   uint64           `json:"auditedBlocks"`
	Read       auditor.Readings `json:"read"`
	// Recovered are candidates that a node without any of their data has put together while only so many validators as
	// it takes were there, of Tried.
	Recovered int `json:"recovered"`
	Tried     int `json:"recoveriesTried"`
}

// paraLoad is a parachain at work, and those who watch it.
type paraLoad struct {
	*paraWatcher
	producer *producer
	auditor  *auditor.Auditor
}

func (o *ParaOptions) start(ctx context.Context, s *devnet.Status) (*paraLoad, error) {
	p := &paraLoad{paraWatcher: watchPara(ctx, s.Nodes)}
	var err error
	if p.producer, err = produce(ctx, o.Program, o.Home, s.Nodes[0].Name); err != nil {
		p.stop()
		return nil, err
	}
	if p.auditor, err = auditor.Start(ctx, o.Home, namesOf(s.Nodes)); err != nil {
		p.stop()
		return nil, err
	}
	if err = p.begins(ctx); err != nil {
		p.stop()
		return nil, err
	}
	p.begin()
	return p, nil
}

// stop ends the work, and the watching.
func (p *paraLoad) stop() {
	p.paraWatcher.stop()
	if p.producer != nil {
		p.producer.stop()
	}
	if p.auditor != nil {
		p.auditor.Stop()
	}
}

// producerKind is what the block producer's process is called in the report. It is no part of a node.
const producerKind = "block-producer"

// killProducer kills the block producer, and waits until candidates of the next one are included.
func (r *runner) killProducer(ctx context.Context) error {
	if r.para == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	pid, starts := r.para.producer.pid()
	began := time.Now()
	if err := proc.Identify(pid).Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("%s: %w", producerKind, err)
	}
	for now := starts; now == starts; _, now = r.para.producer.pid() {
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("no new %s runs", producerKind)
		}
	}
	if err := r.para.moving(ctx, 2); err != nil { // one may have been handed in before
		return fmt.Errorf("the new %s has no block included in %v", producerKind, r.Limit)
	}
	k := kill{Node: "the parachain", Kind: producerKind, Signal: words[syscall.SIGKILL], At: began, Back: time.Since(began)}
	r.kills = append(r.kills, k)
	fmt.Fprintf(r.Out, "  %-15s %-25s of %s: back after %4d ms, %s\n", k.Signal, k.Kind, k.Node, k.Back.Milliseconds(),
		r.done())
	return nil
}

const (
	// reread is how many of the last included candidates are put together again and judged anew.
	reread = 30
	// recoveries is how many of the last ones a stranger puts together, from each choice of validators.
	recoveries = 5
	// auditTime is how long the auditor may take to come to the head of the chain, and joinTime a node that is new, or
	// was away.
	auditTime = 30 * time.Second
	joinTime  = 3 * time.Minute
)

// audit looks at the parachain after all kills, with the network still at work.
func (r *runner) audit(ctx context.Context, rep *Report, s *devnet.Status) error {
	p := r.para
	rep.Para = &ParaReport{
		Included: p.count(), TimedOut: p.timedOut, LongestGap: p.gap.Seconds(), GapAfter: r.before(p.gapEnd),
	}
	_, rep.Para.Producers = p.producer.pid()
	rep.bound("the longest gap without an included candidate", rep.Para.LongestGap, maxGap)
	if err := r.followed(ctx, rep); err != nil {
		return err
	}
	fmt.Fprintf(r.Out, "  %d candidates included; reading what validators must keep\n", rep.Para.Included)
	var err error
	if rep.Para.Read, err = p.auditor.Read(ctx, reread); err != nil {
		rep.fault("reading what validators must keep: %v", err)
	}
	if err := r.recoveries(ctx, rep, s); err != nil {
		rep.fault("recovery: %v", err)
	}
	for _, v := range p.auditor.Violations() {
		rep.fault("%s: %s", v.Invariant, v.What)
	}
	return nil
}

// followed waits until the auditor has seen what has been accepted by now.
func (r *runner) followed(ctx context.Context, rep *Report) error {
	ctx, cancel := context.WithTimeout(ctx, auditTime)
	defer cancel()
	for to := r.chain.height(); ; {
		height, _, why := r.para.auditor.Followed()
		if rep.Para.Followed = height; height >= to {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			rep.fault("the chain can't be followed beyond block %d of %d: %s", height, to, why)
			return nil
		}
	}
}

// recoveries have a new node, which has no data of any candidate, put some together while as few validators are there
// as it takes: some of them, then others.
func (r *runner) recoveries(ctx context.Context, rep *Report, s *devnet.Status) error {
	p := r.para
	p.producer.stop()
	name, err := r.Client.Add(ctx)
	if err != nil {
		return err
	}
	if err := r.arrived(ctx, name); err != nil {
		return err
	}
	if err := p.auditor.Join(name); err != nil {
		return err
	}
	n, k := len(s.Nodes), erasure.DataChunks(len(s.Nodes))
	for first := 0; first+k <= n; first += k {
		var gone []string
		for i, node := range s.Nodes {
			if i < first || i >= first+k {
				gone = append(gone, node.Name)
			}
		}
		if err := each(gone, func(node string) error { return r.Client.StopNode(ctx, node) }); err != nil {
			return err
		}
		got, err := p.auditor.Recover(ctx, name, recoveries)
		if err != nil {
			return fmt.Errorf("recovery with %v away: %w", gone, err)
		}
		rep.Para.Recovered, rep.Para.Tried = rep.Para.Recovered+got, rep.Para.Tried+recoveries
		fmt.Fprintf(r.Out, "  %s recovers %d of %d candidates with %v away\n", name, got, recoveries, gone)
		if got < recoveries {
			rep.fault("%s recovers %d of %d candidates with %v away, and %d validators are enough", name, got, recoveries,
				gone, k)
		}
		if err := each(gone, func(node string) error { return r.Client.StartNode(ctx, node) }); err != nil {
			return err
		}
		if err := each(gone, func(node string) error { return r.arrived(ctx, node) }); err != nil {
			return err
		}
	}
	return nil
}

func each(list []string, do func(string) error) error {
	for _, one := range list {
		if err := do(one); err != nil {
			return err
		}
	}
	return nil
}

// arrived waits until a node has caught up.
func (r *runner) arrived(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	for {
		s, err := r.Client.Status(ctx)
		if err == nil {
			if n, _ := s.Node(name); n.Ready && n.Height >= r.chain.height() {
				return nil
			}
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("%s hasn't caught up in %v", name, joinTime)
		}
	}
}
