// Package supervise keeps the processes of one or more nodes running. It starts them, notices at once when one ends,
// restarts it with backoff, replaces one that hangs, and leaves one alone that dies too often, with the cause. They end
// with this process. Its Policy, which says all this of one process, serves other supervisors too.
//
// It knows nothing of what the processes do. Messages, health and restarts of the plugin are other parts' business.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/process/proc"
)

// Spec describes one process.
type Spec struct {
	Name string   // unique in the group, such as v1/engine
	Path string   // the program
	Args []string // without the program's name
	Env  []string // the whole environment
	Log  string   // file that gets its standard output and standard error; empty: this process's standard error does
	// Probe, if there is one, is asked every second whether the process still works. It must return soon after ctx
	// ends. A process that worked and then fails for some seconds is killed and replaced; ErrUnknown is no failure.
	Probe func(ctx context.Context) error
}

// State of a process.
type State string

const (
	Starting    State = "starting" // runs, and is being made ready for its work
	Running     State = "running"
	BackingOff  State = "backing-off" // died, and waits for its restart
	Quarantined State = "quarantined" // died too often, or for a reason that a restart can't mend
	Stopped     State = "stopped"     // somebody asked for it
)

// Status is what is known about a process.
type Status struct {
	Name     string
	Process  proc.Identity // zero unless it is running
	Restarts int
	State    State
	Since    time.Time
	Cause    string // why it isn't running, or why it was restarted last
}

// Group is a set of supervised processes. All methods may be called from any goroutine.
type Group struct {
	Policy Policy
	Log    *slog.Logger
	Notify func(Status) // called after every change, if set; must not block

	adding  sync.Mutex // one Add at a time, so that two can't take the same name
	mu      sync.Mutex
	members map[string]*member
}

// NewGroup returns an empty group with the default policy. Close must be called.
func NewGroup(log *slog.Logger) *Group {
	return &Group{Policy: DefaultPolicy, Log: log, members: map[string]*member{}}
}

// Add starts a process and supervises it from then on. The error is that of the first start, such as a missing program;
// the process isn't in the group then.
func (g *Group) Add(spec Spec) error {
	g.adding.Lock()
	defer g.adding.Unlock()
	if g.member(spec.Name) != nil {
		return fmt.Errorf("there is a process called %s already", spec.Name)
	}
	m := newMember(g, spec)
	if err := m.start(); err != nil {
		return err
	}
	g.mu.Lock()
	g.members[spec.Name] = m
	g.mu.Unlock()
	go m.keep()
	return nil
}

// Stop ends the named processes, all at once, and forgets them. Each gets SIGTERM, and SIGKILL when ctx ends first. It
// returns when they are gone.
func (g *Group) Stop(ctx context.Context, names ...string) {
	var wg sync.WaitGroup
	for _, name := range names {
		g.mu.Lock()
		m := g.members[name]
		delete(g.members, name)
		g.mu.Unlock()
		if m != nil {
			wg.Go(func() { m.stop(ctx) })
		}
	}
	wg.Wait()
}

// Restart ends the named process gently and starts it again; it also takes a process out of quarantine.
func (g *Group) Restart(ctx context.Context, name string) error {
	m := g.member(name)
	if m == nil {
		return fmt.Errorf("there is no process called %s", name)
	}
	return m.restart(ctx)
}

// Replace ends the process of the spec's name gently and starts the one of the spec in its place. why is shown as the
// cause of the restart.
func (g *Group) Replace(ctx context.Context, spec Spec, why string) error {
	m := g.member(spec.Name)
	if m == nil {
		return fmt.Errorf("there is no process called %s", spec.Name)
	}
	return m.ask(request{ctx: ctx, spec: &spec, why: why})
}

func (g *Group) member(name string) *member {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.members[name]
}

// Status lists all processes by name.
func (g *Group) Status() []Status {
	g.mu.Lock()
	list := make([]Status, 0, len(g.members))
	for _, m := range g.members {
		list = append(list, m.snapshot())
	}
	g.mu.Unlock()
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Close stops whatever is still running, with SIGKILL when ctx ends, and ends the group.
func (g *Group) Close(ctx context.Context) {
	var names []string
	for _, s := range g.Status() {
		names = append(names, s.Name)
	}
	g.Stop(ctx, names...)
}

// ErrUnknown is what a probe returns that couldn't ask whoever knows.
var ErrUnknown = errors.New("nobody knows how the process is")

// errGone is returned to a caller whose process was stopped meanwhile.
var errGone = errors.New("the process was stopped meanwhile")
