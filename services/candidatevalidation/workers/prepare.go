package workers

import (
	"errors"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/services/candidatevalidation"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
)

// Prepare is candidatevalidation.Workers': the code is prepared, and a worker has loaded it.
func (p *Pool) Prepare(hash primitives.Hash, code []byte, done func(error)) {
	go func() { done(p.ready(candidatevalidation.Job{CodeHash: hash, Code: code})) }()
}

func (p *Pool) ready(j candidatevalidation.Job) error {
	w, failed := p.loaded(j)
	if failed != nil {
		return errors.New(failed.Detail)
	}
	p.keep(w)
	return nil
}

// preparation is one that is under way, for whoever needs it.
type preparation struct {
	once   sync.Once
	dir    string
	failed *candidatevalidation.Outcome
}

// prepared is the directory of the code, prepared now if it isn't there. Whoever needs the same code meanwhile waits
// for the same end.
func (p *Pool) prepared(j candidatevalidation.Job) (string, *candidatevalidation.Outcome) {
	p.mu.Lock()
	doing := p.preparing[j.CodeHash]
	if doing == nil {
		doing = &preparation{}
		p.preparing[j.CodeHash] = doing
	}
	p.mu.Unlock()
	doing.once.Do(func() { doing.dir, doing.failed = p.prepare(j) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.preparing[j.CodeHash] == doing {
		delete(p.preparing, j.CodeHash)
	}
	return doing.dir, doing.failed
}

func (p *Pool) prepare(j candidatevalidation.Job) (string, *candidatevalidation.Outcome) {
	if dir, found := p.store.find(j.CodeHash); found {
		return dir, nil
	}
	if failed := p.unfit.find(j.CodeHash, time.Now()); failed != nil {
		return "", failed
	}
	scratch, err := p.store.begin()
	if err != nil {
		return "", unprepared(err.Error())
	}
	defer p.store.remove(scratch)
	if failed := p.compile(j.Code, scratch); failed != nil {
		p.unfit.note(j.CodeHash, *failed, time.Now())
		return "", failed
	}
	dir, err := p.store.add(j.CodeHash, scratch)
	if err != nil {
		return "", unprepared(err.Error())
	}
	return dir, nil
}

func unprepared(why string) *candidatevalidation.Outcome {
	return &candidatevalidation.Outcome{End: candidatevalidation.Unprepared, Detail: why}
}

// compile has a worker prepare code in a directory. No code runs in it, so it is believed; but if it dies nobody knows
// whether the code or this machine was too much for it, and that is no judgement.
func (p *Pool) compile(code []byte, dir string) *candidatevalidation.Outcome {
	w, err := startPreparing(p.cfg, dir)
	if err != nil {
		return &candidatevalidation.Outcome{End: candidatevalidation.Unstarted, Detail: err.Error()}
	}
	if err := p.add(w); err != nil {
		return unprepared("the node stops")
	}
	defer p.drop(w)
	frame, _, err := w.exchange(job.Prepare, code, job.MostDetail, p.cfg.Preparing)
	if err != nil {
		return unprepared("the code can't be prepared: " + w.lost(err).Detail)
	}
	switch frame.Kind {
	case job.Prepared:
		return nil
	case job.TooLarge, job.Malformed:
		return &candidatevalidation.Outcome{End: ends[frame.Kind], Detail: string(frame.Body)}
	}
	return unprepared(string(frame.Body))
}
