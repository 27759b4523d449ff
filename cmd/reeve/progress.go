package main

import (
	"fmt"
	"io"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
)

// progress prints how far each node is: one line per node that is rewritten on a terminal, one line per ready node
// elsewhere.
type progress struct {
	w     io.Writer
	live  bool
	began time.Time
	lines int
	done  map[string]bool
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, live: animated(w), began: time.Now(), done: map[string]bool{}}
}

func (p *progress) update(s *devnet.Status) {
	if p.live && p.lines > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA", p.lines)
	}
	p.lines = 0
	for _, n := range s.Nodes {
		if p.live {
			fmt.Fprintf(p.w, "\x1b[2K%s\n", p.line(n))
			p.lines++
		} else if n.Ready && !p.done[n.Name] {
			fmt.Fprintln(p.w, p.line(n))
		}
		p.done[n.Name] = p.done[n.Name] || n.Ready
	}
}

func (p *progress) line(n devnet.NodeStatus) string {
	if n.Ready {
		return fmt.Sprintf("  %-4s ready after %.1f s, %d processes", n.Name, time.Since(p.began).Seconds(),
			len(n.Processes))
	}
	text := n.Cause
	if r := []rune(text); len(r) > 70 {
		text = string(r[:70]) + "…"
	}
	return fmt.Sprintf("  %-4s starting: %s", n.Name, text)
}

// finish leaves the cursor below the lines.
func (p *progress) finish() { p.lines = 0 }
