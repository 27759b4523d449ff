package killtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/devnet"
	"github.com/reevenet/reeve/internal/kv"
	"github.com/reevenet/reeve/internal/primitives"
)

// Report is what the test found. Nothing is wrong when Faults is empty.
type Report struct {
	Kills        int     `json:"kills"`
	Posted       int     `json:"posted"`
	Final        int     `json:"final"`
	Unfinished   int     `json:"unfinished"` // posted and never told final
	Heights      int     `json:"heights"`
	LongestGap   float64 `json:"longestGapSeconds"`
	GapAfter     string  `json:"longestGapAfter"` // the kill before it
	BackP50      float64 `json:"backP50Seconds"`
	BackP99      float64 `json:"backP99Seconds"`
	StoppedBack  float64 `json:"stoppedBackSeconds"` // the longest until a stopped process was found and replaced
	Faults       []Fault `json:"faults"`
	Measurements []kill  `json:"measurements"`
}

// Fault is something that must not happen.
type Fault string

// Bounds that the network must keep.
const (
	maxGap  = 3 * time.Second
	maxBack = 2 * time.Second
	maxHang = 8 * time.Second
)

func (r *runner) report(ctx context.Context, s *devnet.Status) (*Report, error) {
	rep := &Report{Kills: len(r.kills), Posted: r.load.posted, Final: len(r.load.final), Unfinished: r.load.failed, Measurements: r.kills, Faults: []Fault{}}
	var killed, stopped []time.Duration
	for _, k := range r.kills {
		if k.Signal == "killed" {
			killed = append(killed, k.Back)
		} else {
			stopped = append(stopped, k.Back)
		}
		for _, m := range k.Moved {
			rep.fault("%s of %s was ended and %s changed, too", k.Kind, k.Node, m)
		}
	}
	rep.BackP50, rep.BackP99 = at(killed, 50), at(killed, 99)
	rep.StoppedBack = at(stopped, 100)
	r.chain.mu.Lock()
	rep.LongestGap, rep.Heights = r.chain.gap.Seconds(), len(r.chain.blocks)
	for _, k := range r.kills {
		if k.At.Before(r.chain.gapEnd) {
			rep.GapAfter = fmt.Sprintf("%s %s of %s", k.Signal, k.Kind, k.Node)
		}
	}
	for _, c := range r.chain.conflicts {
		rep.fault("two blocks at one height: %s", c)
	}
	r.chain.mu.Unlock()
	rep.bound("the longest gap without a block", rep.LongestGap, maxGap)
	rep.bound("the time until a killed process is back, p99,", rep.BackP99, maxBack)
	rep.bound("the time until a stopped process is replaced", rep.StoppedBack, maxHang)
	return rep, r.verify(ctx, s, rep)
}

func (rep *Report) fault(format string, args ...any) {
	rep.Faults = append(rep.Faults, Fault(fmt.Sprintf(format, args...)))
}

func (rep *Report) bound(what string, seconds float64, limit time.Duration) {
	if seconds > limit.Seconds() {
		rep.fault("%s is %.2f s, it should be at most %v", what, seconds, limit)
	}
}

// at is the value below which that share of the durations lies, in seconds.
func at(list []time.Duration, percent int) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[(len(list)-1)*percent/100].Seconds()
}

// settleTime is how long the nodes may take to agree on their heads after the load has ended.
const settleTime = 10 * time.Second

// verify looks for lost blocks and transactions on every node.
func (r *runner) verify(ctx context.Context, s *devnet.Status, rep *Report) error {
	if err := settle(ctx, r.load.clients); err != nil {
		rep.fault("%v", err)
	}
	for i, c := range r.load.clients {
		for _, tx := range r.load.final {
			if st, err := c.Tx(ctx, tx); err != nil || !st.Accepted() {
				rep.fault("transaction %s was final and isn't on %s: %v", tx.Short(), s.Nodes[i].Name, err)
			}
		}
	}
	for height, id := range r.chain.blocks {
		for _, n := range s.Nodes {
			if err := sameBlock(ctx, n, height, id); err != nil {
				rep.fault("%v", err)
			}
		}
	}
	return ctx.Err()
}

func sameBlock(ctx context.Context, n devnet.NodeStatus, height uint64, id primitives.Hash) error {
	b, err := devnet.Block(ctx, n.HTTP[len("http://"):], n.Chains[0], fmt.Sprint(height))
	if err != nil {
		return fmt.Errorf("height %d on %s: %w", height, n.Name, err)
	}
	if b.VMID != id {
		return fmt.Errorf("height %d: %s was accepted, %s has %s", height, id.Short(), n.Name, b.VMID.Short())
	}
	return nil
}

// settle waits until all nodes have the same head.
func settle(ctx context.Context, clients []*kv.Client) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for {
		heads := map[primitives.Hash]bool{}
		for _, c := range clients {
			if h, err := c.Head(ctx); err == nil {
				heads[h.Block] = true
			} else {
				heads[primitives.Hash{}] = true
			}
		}
		if len(heads) == 1 && !heads[primitives.Hash{}] {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("the nodes still have %d different heads after %v", len(heads), settleTime)
		}
	}
}
