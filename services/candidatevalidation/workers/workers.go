// Package workers runs validation code in processes of its own: it is candidate-validation's port Workers. A worker is
// this same program, confined: it has no environment, sees no file but the prepared code that it runs, can't open
// another once that is loaded, nor a socket, nor start a program, and has bounds for memory and descriptors. Landlock
// and seccomp see to that where the kernel has them. It is ended when its job takes more of the machine's time than is
// allowed, and with this process.
//
// Code is prepared once, by a worker that runs none of it, and kept on disk. What is kept is the machine's
// instructions: they are checked against a checksum before each worker that loads them, and no worker that runs code
// can write there.
//
// A worker that has done its job is kept for the next one of the same code, and of no other: code that broke out of its
// sandbox could then wrong itself alone, which it can anyway. It saves the start of a process and the loading of the
// code, for a guest in Go some hundred milliseconds against one or two.
package workers

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/services/candidatevalidation"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
)

// Config is what the workers may take. A zero value in a field with a default takes it.
type Config struct {
	// Dir is where prepared code is kept.
	Dir string
	// Most is how many workers that run code there are at most, idle ones included; default 2. There may be as many
	// that prepare some.
	Most int
	// Memory bounds what a worker may have, in bytes; default 1 GiB.
	Memory uint64
	// CPU is how much of the machine's time a run may take; default 2 s. It may take four times that in all.
	CPU time.Duration
	// Preparing is the same for preparing code; default 60 s.
	Preparing time.Duration
	// Cache is how much prepared code is kept, in bytes; default 1 GiB.
	Cache int64
	// Log is where a worker's end is told; default slog's.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Most == 0 {
		c.Most = 2
	}
	if c.Memory == 0 {
		c.Memory = 1 << 30
	}
	if c.CPU == 0 {
		c.CPU = runLimit
	}
	if c.Preparing == 0 {
		c.Preparing = prepareLimit
	}
	if c.Cache == 0 {
		c.Cache = 1 << 30
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

// How long a worker is kept without a job, and for how many.
const (
	keptIdle = time.Minute
	mostRuns = 1024
)

// How much of the processor's time things may take, and four times that in all.
const (
	runLimit     = 2 * time.Second
	prepareLimit = time.Minute
	loadLimit    = 10 * time.Second // from the start of a worker until it has loaded its code
)

// Pool is the workers of one node.
type Pool struct {
	cfg   Config
	store *store
	unfit unfit

	mu        sync.Mutex
	closed    bool
	live      map[*worker]bool
	idle      []*worker                        // of live; the one that has been idle longest first
	preparing map[primitives.Hash]*preparation // under way
}

// New returns the workers of a node. None is started before there is a job.
func New(cfg Config) (*Pool, error) {
	cfg = cfg.withDefaults()
	s, err := openStore(cfg.Dir, cfg.Cache)
	if err != nil {
		return nil, fmt.Errorf("no place for prepared code: %w", err)
	}
	return &Pool{cfg: cfg, store: s, live: map[*worker]bool{}, preparing: map[primitives.Hash]*preparation{}}, nil
}

// Run is candidatevalidation.Workers'.
func (p *Pool) Run(j candidatevalidation.Job, done func(candidatevalidation.Outcome)) {
	go func() { done(p.do(j)) }()
}

// do does a job in an idle worker of the code, or in a new one.
func (p *Pool) do(j candidatevalidation.Job) candidatevalidation.Outcome {
	w, failed := p.loaded(j)
	if failed != nil {
		return *failed
	}
	frame, cpu, err := w.exchange(job.Run, j.Params, job.MostSaid, p.cfg.CPU)
	var answer job.Answer
	if err == nil {
		answer, err = job.Verdict(frame)
	}
	if err != nil {
		defer p.drop(w)
		return w.lost(err)
	}
	p.keep(w)
	o := candidatevalidation.Outcome{End: ends[answer.Kind], CPU: cpu}
	if answer.Kind == job.Returned {
		o.Outputs = answer.Body
	} else {
		o.Detail = string(answer.Body)
	}
	return o
}

// loaded is a worker that has loaded the job's code: one that is idle, or a new one.
func (p *Pool) loaded(j candidatevalidation.Job) (*worker, *candidatevalidation.Outcome) {
	if w := p.takeIdle(j.CodeHash); w != nil {
		return w, nil
	}
	dir, failed := p.prepared(j)
	if failed != nil {
		return nil, failed
	}
	return p.start(j.CodeHash, dir)
}

// ends is what an answer of a worker means.
var ends = map[job.Kind]candidatevalidation.End{
	job.Returned: candidatevalidation.Returned, job.Declined: candidatevalidation.Declined,
	job.Trapped: candidatevalidation.Trapped, job.Exhausted: candidatevalidation.Exhausted,
	job.BadReturn: candidatevalidation.BadReturn,
	job.TooLarge:  candidatevalidation.TooLarge, job.Malformed: candidatevalidation.Malformed,
}

// start starts a worker that has loaded the code. Until it says so no code has run in it, and it is believed.
func (p *Pool) start(code primitives.Hash, dir string) (*worker, *candidatevalidation.Outcome) {
	w, err := p.launch(code, dir)
	if err != nil {
		return nil, &candidatevalidation.Outcome{End: candidatevalidation.Unstarted, Detail: err.Error()}
	}
	frame, _, err := w.exchange(0, nil, job.MostDetail, loadLimit)
	if err == nil && frame.Kind == job.Loaded {
		return w, nil
	}
	defer p.drop(w)
	if err == nil { // the next job prepares it again
		p.store.remove(dir)
		return nil, &candidatevalidation.Outcome{End: candidatevalidation.Unprepared, Detail: string(frame.Body)}
	}
	o := w.lost(err)
	o.End = candidatevalidation.Unstarted
	return nil, &o
}

// launch starts a process that runs code, instead of the one that has been idle longest if there are too many.
func (p *Pool) launch(code primitives.Hash, dir string) (*worker, error) {
	p.mu.Lock()
	var old *worker
	if len(p.live) >= p.cfg.Most && len(p.idle) > 0 {
		old = p.idle[0]
		p.idle = p.idle[1:]
		delete(p.live, old)
	}
	p.mu.Unlock()
	if old != nil {
		old.discard()
	}
	w, err := startRunning(p.cfg, code, dir)
	if err != nil {
		return nil, err
	}
	return w, p.add(w)
}

func (p *Pool) add(w *worker) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		w.discard()
		return io.ErrClosedPipe
	}
	p.live[w] = true
	return nil
}

// takeIdle returns a worker that has run that code and nothing else.
func (p *Pool) takeIdle(code primitives.Hash) *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.idle) - 1; i >= 0; i-- { // the others may be given up
		if w := p.idle[i]; w.code == code {
			p.idle = append(p.idle[:i:i], p.idle[i+1:]...)
			w.rest.Stop()
			return w
		}
	}
	return nil
}

// keep makes a worker wait for the next job of its code.
func (p *Pool) keep(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.runs++; p.closed || w.runs >= mostRuns {
		delete(p.live, w)
		w.discard()
		return
	}
	p.idle = append(p.idle, w)
	w.rest = time.AfterFunc(keptIdle, func() { p.retire(w) })
}

// retire ends a worker that nobody has taken.
func (p *Pool) retire(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle {
		if other == w {
			p.idle = append(p.idle[:i:i], p.idle[i+1:]...)
			delete(p.live, w)
			w.discard()
			return
		}
	}
}

// drop ends a worker that isn't idle.
func (p *Pool) drop(w *worker) {
	p.mu.Lock()
	delete(p.live, w)
	p.mu.Unlock()
	w.discard()
}

// Status is candidatevalidation.Workers'.
func (p *Pool) Status() (list []candidatevalidation.Worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := map[*worker]bool{}
	for _, w := range p.idle {
		idle[w] = true
	}
	for w := range p.live {
		list = append(list, candidatevalidation.Worker{PID: w.child.PID, Code: w.code, Busy: !idle[w], Guard: w.guard})
	}
	return list
}

// Close is candidatevalidation.Workers'.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for w := range p.live {
		w.end("the node stops")
	}
	p.idle = nil
	if err := os.RemoveAll(p.store.scratch()); err != nil {
		p.cfg.Log.Warn("a directory of this process stays", "why", err)
	}
}
