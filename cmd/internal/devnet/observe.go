package devnet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/internal/process/supervise"
)

// observeTimeout is how long one node may take to say how it is.
const observeTimeout = 3 * time.Second

// maxAnswer bounds what is read from a node's door.
const maxAnswer = 4 << 20

// Status asks all nodes at once. A node that doesn't answer is listed with what the supervisor knows of it.
func (n *Network) Status(ctx context.Context) (*Status, error) {
	nodes, err := n.Home.Nodes()
	if err != nil {
		return nil, err
	}
	list := make([]NodeStatus, len(nodes))
	processes := n.group.Status()
	var wg sync.WaitGroup
	for i, h := range nodes {
		wg.Go(func() { list[i] = n.nodeStatus(ctx, h, processes) })
	}
	wg.Wait()
	return &Status{DataDir: n.Home.Dir, Network: n.Genesis.Network, Nodes: list}, nil
}

func (n *Network) nodeStatus(ctx context.Context, h datadir.Node, processes []supervise.Status) NodeStatus {
	s := *NewNodeStatus(h)
	v := n.running(h.Name)
	if v == nil {
		s.Cause = "stopped"
		return s
	}
	s.HTTP = "http://" + Reachable(v.config.HTTP.Listen)
	s.Processes = n.ours(h.Name, processes)
	_ = Observe(ctx, Reachable(v.config.Metrics.Listen), &s) // what is wrong stands in the cause
	return s
}

// ours lists a node's processes in the order in which they were started.
func (n *Network) ours(node string, all []supervise.Status) []ProcessStatus {
	list := []ProcessStatus{}
	for _, p := range n.processes(node) {
		i := slices.IndexFunc(all, func(s supervise.Status) bool { return s.Name == processName(node, p.id) })
		if i < 0 {
			continue
		}
		s := all[i]
		list = append(list, ProcessStatus{
			ID: p.id, Name: p.name, Instance: p.label, PID: s.Process.PID, Restarts: s.Restarts, State: string(s.State),
			Since: s.Since, Cause: s.Cause, RSSBytes: proc.Resident(s.Process.PID),
		})
	}
	return list
}

// ErrSilent means that nobody answers at a node's door.
var ErrSilent = errors.New("the node doesn't answer yet")

// Observe fills in what the node itself says at its door for monitoring, as far as it says something. The error says
// that nobody answers there, or another node than the one that is meant, of which nothing is filled in.
func Observe(ctx context.Context, address string, s *NodeStatus) error {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	var health *gateway.Health
	var info *gateway.Info
	var unsaid, unknown error
	var wg sync.WaitGroup
	wg.Go(func() { health, unsaid = Health(ctx, address) })
	wg.Go(func() { info, unknown = Info(ctx, address) })
	wg.Wait()
	if unknown == nil {
		if err := IsIt(s.Name, s.NodeID, info.NodeID, address); err != nil {
			what, _, _ := strings.Cut(err.Error(), "\n")
			s.Cause = firstCause(s.Processes, what)
			return err
		}
	}
	switch {
	case unsaid != nil && unknown != nil:
		s.Cause = firstCause(s.Processes, ErrSilent.Error())
		return ErrSilent
	case unsaid != nil:
		s.Cause = firstCause(s.Processes, "the node doesn't say how it is: "+unsaid.Error())
	case unknown != nil:
		s.Cause = strings.TrimPrefix(unhealthy(health.Checks)+"; the node doesn't say how far it is: "+unknown.Error(), "; ")
		return nil
	default:
		s.Ready, s.Cause = health.Healthy, unhealthy(health.Checks)
	}
	s.NodeID, s.Peers = info.NodeID, info.Peers
	for i, c := range info.Chains {
		s.Chains = append(s.Chains, c.Name)
		s.Heads = append(s.Heads, Head{Chain: c.Name, VM: c.VM, Height: c.Height, LastAccepted: c.LastAccepted})
		if i == 0 {
			s.Height, s.LastAccepted = c.Height, c.LastAccepted
		}
	}
	merge(s, info.Parts)
	return nil
}

// IsIt makes sure that the node which answered is the one that was meant: two networks may have the same ports by
// mistake. Where the identity can't be read here, whoever answers is taken for it.
func IsIt(name string, meant, answered primitives.NodeID, address string) error {
	if meant.IsZero() || answered == meant {
		return nil
	}
	return errcode.New(errcode.NodeUnreachable,
		"Another network has its port: start this one with `reeve devnet up --port-base`, or name the other with --data-dir.",
		nil, "at %s answers another node, %s, not %s", address, answered.Short(), name)
}

// Health asks a node's door for monitoring for all its checks.
func Health(ctx context.Context, address string) (*gateway.Health, error) {
	var h gateway.Health
	return &h, fetch(ctx, http.DefaultClient, "http://"+address+"/ext/health/readiness", &h)
}

// SocketHealth asks the overseer over its unix socket, which needs no network.
func SocketHealth(ctx context.Context, h datadir.Node) (*gateway.Health, error) {
	var health gateway.Health
	return &health, onSocket(h, func(c *http.Client) error {
		if err := fetch(ctx, c, "http://overseer/ext/health/readiness", &health); err != nil {
			return err
		}
		var info gateway.Info
		if err := fetch(ctx, c, "http://overseer/ext/info", &info); err != nil {
			return err
		}
		return IsIt(h.Name, datadir.NodeID(h), info.NodeID, h.Socket(datadir.MonitorSocket))
	})
}

// Attached asks the overseer, over its unix socket, whether the process of that name and pid is attached as an instance
// of the subsystem. A pid alone isn't enough: in two containers of one service it is often the same. The overseer may
// have put a number behind the name, while it still has an earlier process of it. It answers by itself, also while that
// one hangs. The error is supervise.ErrUnknown when it doesn't.
func Attached(ctx context.Context, h datadir.Node, subsystem, name string, pid int) error {
	var bus []gateway.Mailbox
	if onSocket(h, func(c *http.Client) error { return fetch(ctx, c, "http://overseer/ext/bus", &bus) }) != nil {
		return supervise.ErrUnknown
	}
	for _, box := range bus {
		for _, i := range box.Instances {
			if box.Subsystem == subsystem && strings.HasPrefix(i.Name, name) && i.PID == int64(pid) {
				return nil
			}
		}
	}
	return errors.New("the overseer doesn't have it attached")
}

// merge adds what the overseer sees and the supervisor doesn't: processes that somebody else keeps running, what all
// say of themselves, and why a running process isn't at work.
func merge(s *NodeStatus, parts []gateway.Part) {
	for _, p := range parts {
		i := slices.IndexFunc(s.Processes,
			func(q ProcessStatus) bool { return q.Name == p.Name && q.Instance == p.Instance })
		if i < 0 {
			s.Processes = append(s.Processes, ProcessStatus{
				Name: p.Name, Instance: p.Instance, PID: p.PID, Restarts: p.Restarts, State: p.State, Since: p.Since,
				Cause:    p.Cause,
				RSSBytes: proc.Resident(p.PID), Parent: p.Parent, Messages: p.Messages, Fields: p.Fields,
			})
			continue
		}
		q := &s.Processes[i]
		q.Fields, q.Messages = p.Fields, p.Messages
		if q.State == string(supervise.Running) && p.State != string(supervise.Running) && p.State != "" {
			q.State, q.Since, q.Cause = p.State, p.Since, p.Cause
		}
	}
}

func firstCause(processes []ProcessStatus, otherwise string) string {
	for _, p := range processes {
		if p.State != string(supervise.Running) {
			return cmp.Or(p.ID, p.Name) + " " + p.State + ": " + p.Cause
		}
	}
	return otherwise
}

func unhealthy(checks []gateway.Check) string {
	var causes []string
	for _, c := range checks {
		if !c.OK {
			causes = append(causes, CheckTitle(checks, c)+": "+c.Cause)
		}
	}
	return strings.Join(causes, "; ")
}

// CheckTitle is what people call a check: its name, and which of several processes it is about.
func CheckTitle(all []gateway.Check, c gateway.Check) string {
	for _, other := range all {
		if other.Name == c.Name && other.Instance != c.Instance {
			return c.Name + "@" + c.Instance
		}
	}
	return c.Name
}

// fetch reads JSON from a node's door. Health is an answer also when it is bad, which the door says with 503.
func fetch(ctx context.Context, client *http.Client, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r, err := client.Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body := json.NewDecoder(io.LimitReader(r.Body, maxAnswer))
	_, health := into.(*gateway.Health)
	switch {
	case r.StatusCode == http.StatusOK, health && r.StatusCode == http.StatusServiceUnavailable:
		return body.Decode(into)
	case r.StatusCode == http.StatusNotFound:
		return gateway.ErrNoBlock
	}
	var problem struct{ Error string }
	if body.Decode(&problem) == nil && problem.Error != "" {
		return errors.New(problem.Error)
	}
	return fmt.Errorf("%s answers %s", url, r.Status)
}
