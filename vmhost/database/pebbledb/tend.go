package pebbledb

import (
	"errors"
	"time"

	"github.com/reevenet/reeve/internal/process/errcode"
)

const (
	// mostLives is how often a process opens the files: what isn't closed after a fault takes memory. After that, half
	// a minute of faults, a new process has to go on: seldom enough not to be left alone as one that keeps dying.
	mostLives = 17
	// steady is how long a life must last for the pauses to be short again after it.
	steady = time.Minute
)

// tend watches the disk, and has another life begin when one has ended.
func (d *DB) tend() {
	defer close(d.tended)
	pause, began := d.cfg.RetryAfter, time.Now()
	for !d.state.lost() {
		var ended chan struct{}
		wait := pause
		if d.life != nil {
			ended, wait = d.life.ended, d.cfg.RetryAtMost
		}
		select {
		case <-d.closing:
			return
		case <-ended:
			d.retire()
			if time.Since(began) > steady {
				pause = d.cfg.RetryAfter
			}
		case <-time.After(wait):
			if d.life == nil {
				pause, began = min(2*pause, d.cfg.RetryAtMost), time.Now()
			}
			d.look()
		}
	}
	<-d.closing
}

// look begins another life when there is none, and says how much room there is.
func (d *DB) look() {
	err := d.roomLeft()
	if err == nil && d.life == nil {
		err = d.start()
	}
	if err != nil {
		d.fault(err)
	} else {
		d.state.well()
	}
}

// retire gives up a life that has ended.
func (d *DB) retire() {
	l := d.life
	d.fault(l.cause)
	d.mu.Lock() // calls that are under way end soon: their life has ended
	d.life, d.lossy = nil, d.lossy || l.lossy()
	d.mu.Unlock()
	_ = d.releaseAll()
	l.gate.close()
}

// fault has the store refuse from now on.
func (d *DB) fault(cause error) {
	var hopeless *hopelessError
	var readable *errcode.Error
	switch {
	case errors.As(cause, &hopeless), errors.As(cause, &readable):
		d.state.lose(cause)
	case isDamage(cause):
		note(d.disk, d.cfg.Dir, cause)
		d.state.lose(damaged(d.cfg.Dir, cause))
	default:
		d.state.fail(cause)
	}
}
