// Package vmtest is the conformance kit for virtual machines: it plays the host, and tries everything that a network, a
// crash or a stranger may do to a VM. It runs on a Go value (Value), over an in-memory gRPC connection (Pipe) and on a
// plugin process in any language (process.Launcher), with the same checks.
//
// From a Go test:
//
//	func TestConformance(t *testing.T) {
//		vmtest.RunT(t, vmtest.Pipe(func() vmsdk.VM { return &VM{} }), vmtest.Options{Work: work})
//	}
//
// It is imported by tests and by the command line's `vm test`, never by a running node.
package vmtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/vmhost/launch"
)

// Options say what the kit can't know about a VM.
type Options struct {
	// Genesis and Config are given to the VM.
	Genesis, Config []byte
	// Work gives the VM something to put into a block, the n-th thing. nil: the VM is expected to build blocks without.
	Work Work
	// Shows is the path of what the VM shows users of its last block; it changes with each. Empty: it isn't known.
	Shows string
	// CallLimit is how long one call may take, and StartLimit how long Initialize may. As in a node; an hour in a Go
	// test without a time limit, as under a debugger.
	CallLimit, StartLimit time.Duration
	// Only names the checks to run. Empty: all.
	Only []string
}

// Work gives the VM something to do.
type Work func(s *Session, n int) error

// Result is the outcome of one check.
type Result struct {
	// ID and Rule are the check's: a short name, and the sentence that the VM must keep to.
	ID   string `json:"id"`
	Rule string `json:"rule"`
	// Skipped says why the check didn't apply.
	Skipped string `json:"skipped,omitempty"`
	// Failure says what the VM did; empty when it passed.
	Failure string `json:"failure,omitempty"`
	// Calls led to the failure. Output is what the VM has logged last, its panic for example.
	Calls  []string `json:"calls,omitempty"`
	Output []string `json:"output,omitempty"`
	// Millis is how long it took.
	Millis int64 `json:"millis"`
}

// Passed reports whether the VM kept to the rule, as far as it could be tried.
func (r Result) Passed() bool { return r.Failure == "" }

// Report is the outcome of a run.
type Report struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Results []Result `json:"results"`
}

// Passed reports whether all checks did.
func (r *Report) Passed() bool { return len(r.Failures()) == 0 }

// Failures are the checks that the VM failed.
func (r *Report) Failures() (failed []Result) {
	for _, result := range r.Results {
		if !result.Passed() {
			failed = append(failed, result)
		}
	}
	return failed
}

// Checks are the names of all checks, in the order in which they are tried.
func Checks() (names []string) {
	for _, c := range checks {
		names = append(names, c.id)
	}
	return names
}

// Run tries every check on fresh starts of the target. It stops early, with what it has, when ctx ends.
func Run(ctx context.Context, target launch.Launcher, o Options) *Report {
	if o.CallLimit == 0 {
		o.CallLimit = launch.CallLimit
	}
	if o.StartLimit == 0 {
		o.StartLimit = launch.StartLimit
	}
	report := &Report{}
	for _, c := range checks {
		if ctx.Err() != nil || len(o.Only) > 0 && !slices.Contains(o.Only, c.id) {
			continue
		}
		report.Results = append(report.Results, try(ctx, target, o, c, report))
	}
	return report
}

// try runs one check. What the check can't go on with arrives as a panic of type failure or skip.
func try(ctx context.Context, target launch.Launcher, o Options, c check, report *Report) (result Result) {
	result = Result{ID: c.id, Rule: c.rule}
	k := &kit{ctx: ctx, target: target, options: o, report: report}
	begin := time.Now()
	defer func() {
		result.Millis = time.Since(begin).Milliseconds()
		k.close()
		switch p := recover().(type) {
		case nil:
		case skip:
			result.Skipped = string(p)
		case failure:
			result.Failure, result.Calls, result.Output = string(p), k.calls(), k.output.last()
		default:
			panic(p)
		}
	}()
	c.run(k)
	return result
}

// RunT runs the kit as subtests.
func RunT(t *testing.T, target launch.Launcher, o Options) {
	t.Helper()
	if _, limited := t.Deadline(); !limited && o.CallLimit == 0 {
		o.CallLimit, o.StartLimit = time.Hour, time.Hour
	}
	for _, result := range Run(t.Context(), target, o).Results {
		t.Run(result.ID, func(t *testing.T) {
			switch {
			case result.Skipped != "":
				t.Skip(result.Skipped)
			case !result.Passed():
				t.Errorf("%s\nthe rule: %s\n%s", result.Failure, result.Rule, result.transcript())
			}
		})
	}
}

// transcript is what led to a failure, for people.
func (r Result) transcript() string {
	text := "the calls:"
	for i, c := range r.Calls {
		text += fmt.Sprintf("\n  %2d. %s", i+1, c)
	}
	if len(r.Output) > 0 {
		text += "\nthe VM's output:\n    " + strings.Join(r.Output, "\n    ")
	}
	return text
}

// String is the report for people.
func (r *Report) String() string {
	text := fmt.Sprintf("%s %s\n", r.Name, r.Version)
	for _, result := range r.Results {
		mark := "ok  "
		switch {
		case result.Skipped != "":
			mark = "skip"
		case !result.Passed():
			mark = "FAIL"
		}
		text += fmt.Sprintf("%s %-14s %s\n", mark, result.ID, result.Rule)
		if result.Skipped != "" {
			text += "       not tried: " + result.Skipped + "\n"
		}
		if !result.Passed() {
			text += "       " + result.Failure + "\n" + result.transcript() + "\n"
		}
	}
	return text
}

// failure and skip end a check.
type failure string
type skip string
