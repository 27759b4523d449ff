package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/cmd/internal/node"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func (a *app) busCommand() *cobra.Command {
	return noun("bus", "The message bus", a.busGraph(), a.busTop(), a.busQuarantine())
}

func (a *app) busGraph() *cobra.Command {
	return &cobra.Command{
		Use: "graph", Short: "Draw who talks to whom, in Mermaid", Args: takes(cobra.NoArgs),
		Long: "Draw who talks to whom, from what the subsystems declare: a thick arrow is asked, a thin one is told.",
		RunE: func(*cobra.Command, []string) error {
			picture, err := node.Graph()
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.out, picture)
			return err
		},
	}
}

// traffic is one line of `reeve bus top`: a lane of a mailbox over an interval.
type traffic struct {
	Subsystem         string  `json:"subsystem"`
	Lane              string  `json:"lane"`
	MessagesPerSecond float64 `json:"messagesPerSecond"`
	BytesPerSecond    float64 `json:"bytesPerSecond"`
	QueuedMicros      float64 `json:"queuedMicros"` // mean of the interval
	Waiting           int     `json:"waiting"`
	InFlight          int     `json:"inFlight"`
}

func (a *app) busTop() *cobra.Command {
	cmd := &cobra.Command{Use: "top", Short: "Print the bus's traffic, again and again until Ctrl-C",
		Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, false)
	interval := cmd.Flags().Duration("interval", time.Second, "how often")
	times := cmd.Flags().Int("times", 0, "how many times (default: until Ctrl-C)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		h, c, err := n.door()
		if err != nil {
			return err
		}
		read := func() ([]gateway.Mailbox, error) {
			m, err := devnet.Bus(cmd.Context(), devnet.Reachable(c.Metrics.Listen))
			if err != nil {
				return nil, errcode.New(errcode.NodeUnreachable, "Is it running?", err, "node %s doesn't answer",
					h.Name)
			}
			return m, nil
		}
		return a.top(cmd.Context(), read, *interval, *times)
	}
	return cmd
}

func (a *app) top(ctx context.Context, read func() ([]gateway.Mailbox, error), interval time.Duration,
	times int) error {
	before, err := read()
	if err != nil {
		return err
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for i := 0; times == 0 || i < times; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := read()
		if err != nil {
			return err
		}
		if animated(a.out) {
			fmt.Fprint(a.out, "\x1b[H\x1b[2J")
		}
		if err := a.showTraffic(compare(before, now, interval)); err != nil {
			return err
		}
		before = now
	}
	return nil
}

func (a *app) showTraffic(list []traffic) error {
	return a.show(list, func(t *table) {
		t.row("TO", "LANE", "MSG/S", "KB/S", "QUEUED µS", "WAITING", "IN FLIGHT")
		for _, l := range list {
			t.row(l.Subsystem, l.Lane, fmt.Sprintf("%.0f", l.MessagesPerSecond),
				fmt.Sprintf("%.1f", l.BytesPerSecond/1000),
				fmt.Sprintf("%.0f", l.QueuedMicros), l.Waiting, l.InFlight)
		}
	})
}

// compare makes rates of two readings. A counter that fell belongs to an overseer that was restarted: it counts from
// zero.
func compare(before, now []gateway.Mailbox, interval time.Duration) []traffic {
	old := map[string]gateway.Lane{}
	for _, m := range before {
		for _, l := range m.Lanes {
			old[m.Subsystem+"/"+l.Name] = l
		}
	}
	list := []traffic{}
	for _, m := range now {
		waiting, inFlight := m.Waiting, 0
		for _, i := range m.Instances {
			waiting, inFlight = waiting+i.Queued, inFlight+i.InFlight
		}
		for _, l := range m.Lanes {
			o := old[m.Subsystem+"/"+l.Name]
			if o.Messages > l.Messages {
				o = gateway.Lane{}
			}
			row := traffic{Subsystem: m.Subsystem, Lane: l.Name, Waiting: waiting, InFlight: inFlight}
			row.MessagesPerSecond = float64(l.Messages-o.Messages) / interval.Seconds()
			row.BytesPerSecond = float64(l.Bytes-o.Bytes) / interval.Seconds()
			if n := l.Messages - o.Messages; n > 0 {
				row.QueuedMicros = 1e6 * (l.QueuedSeconds - o.QueuedSeconds) / float64(n)
			}
			list = append(list, row)
		}
	}
	return list
}
