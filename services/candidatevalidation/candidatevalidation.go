// Package candidatevalidation judges candidates: it runs the para's validation code on the proof of validity and
// compares what comes out with what the receipt promises.
//
// It takes Prepare, from candidate-backing, which makes code ready for the candidates that will need it; and Validate,
// from there too, which it answers with one of three values. Valid and Invalid are judgements, and every validator comes
// to the same. Fault is this node's own and none: whoever gets it abstains, and nothing that a candidate or its code does
// brings it about. It sends nothing, asks nobody and keeps nothing but prepared code. It never runs code in its own
// process.
//
// The checks come in this order, and the first that fails is the reason: the proof's length, the proof's hash, the
// code's hash, the hash of the validation data, the collator's signature, the code's length, its being fit to run; then
// the code is run; then its outputs must be well-formed, have the head that the descriptor names, and the hash that the
// receipt names. All that needs no run is decided at once, however many others wait.
//
// Code runs in workers (the port Workers; package workers has the real ones), at most Config.Workers at a time. What a
// worker says isn't trusted further than it goes: of a worker that dies nobody knows why, so its job is done once more,
// after Config.RetryAfter. If it then crashes again, as it did the first time, the code is to blame and the candidate
// is invalid; if it was ended from outside, or ran out of this machine's time or memory, that is a fault. Time is no
// judgement: code that takes too long has used up its fuel, which is measured out and the same everywhere (package
// meter), long before the clock ends it.
//
// There may be several instances: none has a state that another needs. What code may do and how to write it is in
// docs/validation.md.
package candidatevalidation

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Name is the subsystem's name.
const Name = "candidate-validation"

// Config is what validation needs. A zero value in a field with a default takes it.
type Config struct {
	// Runs is the port to the workers.
	Runs Workers
	// Workers is how many jobs they are given at a time; default 2.
	Workers int
	// Waiting is how many candidates may wait for them; default 64. More are answered with a fault.
	Waiting int
	// RetryAfter is the pause before a job is done again whose worker was lost; default 500 ms.
	RetryAfter time.Duration
}

func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = 2
	}
	if c.Waiting == 0 {
		c.Waiting = 64
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = 500 * time.Millisecond
	}
	return c
}

// Spec declares validation.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Pool,
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			return &validation{sub: sub, cfg: cfg.withDefaults()}, nil
		},
	}
}

type validation struct {
	sub *subsystem.Sub
	cfg Config

	preparing bool         // some code
	fetching  int          // candidates whose bytes are being fetched
	waiting   []*candidacy // for a worker, oldest first
	running   int
	stats     stats
	trouble   string // of the last job, when this node couldn't do it
}

// Signal has nothing to do: a candidate is judged on what comes with it.
func (v *validation) Signal(*overseerv1.Signal) {}

// Handle takes one message.
func (v *validation) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *candidatevalidationv1.Validate:
		v.onValidate(m, body)
	case *candidatevalidationv1.Prepare:
		v.onPrepare(body.GetValidationCode())
	default:
		m.Unknown()
	}
}

// Close ends the workers.
func (v *validation) Close() {
	if v.cfg.Runs != nil {
		v.cfg.Runs.Close()
	}
}

// Workers run validation code outside this process.
type Workers interface {
	// Run does a job, once, and calls done with what it came to, on any goroutine. The job's bytes are read until then.
	Run(j Job, done func(Outcome))
	// Prepare makes ready what a job of this code will need, and calls done, on any goroutine. The code is read until
	// then.
	Prepare(hash primitives.Hash, code []byte, done func(error))
	// Status says what is running.
	Status() []Worker
	// Close ends them all. Jobs under way are done with as lost.
	Close()
}

// Job is one run of code.
type Job struct {
	// CodeHash is the hash of Code, the code as it was uploaded.
	CodeHash primitives.Hash
	Code     []byte
	// Params are the encoded parameters.
	Params []byte
}

// Outcome is what a job came to.
type Outcome struct {
	End End
	// Outputs are what the code returned; nil unless End is Returned. Nobody has looked at them.
	Outputs []byte
	// Detail is for people.
	Detail string
	// CPU is how much of the machine's time it took.
	CPU time.Duration
}

// End is how a job ended.
type End int

// Ends that are the code's, and the same everywhere.
const (
	Returned  End = iota + 1 // it returned bytes
	Declined                 // it judges the candidate invalid
	Trapped                  // it trapped, ended itself, or had too little stack
	Exhausted                // it used up its fuel
	BadReturn                // what it returned isn't there, or is too long
	TooLarge                 // it is too long
	Malformed                // it is no module that can be run
)

// Ends that are the worker's: the job is done once more.
const (
	Crashed    End = iota + 100 // it crashed, or didn't keep to the protocol, when code ran in it
	Lost                        // it was ended from outside, or took more time or memory than this machine allows
	Unstarted                   // it couldn't be started
	Unprepared                  // the code couldn't be prepared, or what was prepared couldn't be read
)

// Worker is a process that runs code.
type Worker struct {
	PID int
	// Code is what it runs.
	Code primitives.Hash
	Busy bool
	// Guard says what keeps the code in it.
	Guard string
}
