package devnet

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/supervise"
)

// readyInterval is how often a starting network is looked at when nothing else happens.
const readyInterval = 25 * time.Millisecond

// WaitReady returns when all running nodes are ready. progress, if set, gets every status on the way. It fails early
// when a process is left alone, because waiting longer won't help, and when ctx ends.
func (n *Network) WaitReady(ctx context.Context, progress func(*Status)) (*Status, error) {
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	for {
		changed := n.changed.next()
		s, err := n.Status(ctx)
		if err != nil {
			return nil, err
		}
		if progress != nil {
			progress(s)
		}
		if n.allReady(s) {
			return s, nil
		}
		if err := Hopeless(n.Home, s); err != nil {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, Late(s)
		case <-changed:
		case <-tick.C:
		}
	}
}

func (n *Network) allReady(s *Status) bool {
	any := false
	for _, v := range s.Nodes {
		if n.running(v.Name) == nil {
			continue
		}
		if !v.Ready {
			return false
		}
		any = true
	}
	return any
}

// Hopeless is the error that waiting longer can't mend: a process that was left alone. It ends the program with the
// code with which that process ended.
func Hopeless(dir datadir.Network, s *Status) error {
	for _, v := range s.Nodes {
		for _, p := range v.Processes {
			if p.State == string(supervise.Quarantined) {
				log := dir.Node(v.Name).Log(cmp.Or(p.ID, p.Parent)) // whoever keeps a process running has its output
				return errcode.New(errcode.ProcessDied, "Its log is "+log+".", nil,
					"%s of node %s doesn't run: %s", v.Title(p), v.Name, p.Cause).Exit(errcode.Named(p.Cause))
			}
		}
	}
	return nil
}

// Late is the error of a network that isn't ready in time; s may be nil.
func Late(s *Status) error {
	var b strings.Builder
	if s == nil {
		s = &Status{}
	}
	for _, v := range s.Nodes {
		if !v.Ready {
			b.WriteString("\n    " + v.Name + ": " + v.Cause)
		}
	}
	return errcode.New(errcode.TookTooLong, "What they wait for:"+b.String(), nil, "not all nodes became ready in time")
}
