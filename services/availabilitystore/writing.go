package availabilitystore

import (
	"time"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// The pauses before a disk that failed is opened again.
const (
	reopenAfter  = 250 * time.Millisecond
	reopenAtMost = 10 * time.Second
)

// lookAgainAfter is the pause before it is looked again whether a full disk has room.
const lookAgainAfter = 5 * time.Second

// writer writes batches in their order, as many at a time as have come while the disk was busy.
type writer struct {
	works   []Work // that wait
	busy    bool
	after   []told // what may be told when a batch is durable, in the order of the batches
	broken  bool   // an error: nothing more is written with this core
	written uint64
}

// told is an answer that waits for a batch.
type told struct {
	number  uint64
	durable func()
	failed  func()
}

// open loads what is on the disk and begins to work with it.
func (s *store) open() {
	type loaded struct {
		disk    Disk
		records []availability.Record
		age     time.Duration
	}
	s.trouble = "the disk is being read"
	subsystem.Offload(s.sub, func() (l loaded, err error) {
		if l.disk, err = s.cfg.Open(); err != nil {
			return l, err
		}
		if l.records, l.age, err = l.disk.Load(); err != nil {
			_ = l.disk.Close() // the error that counts is the one before
		}
		return l, err
	}, func(l loaded, err error) {
		if err != nil {
			s.reopen(err)
			return
		}
		s.disk, s.core = l.disk, availability.Restore(s.cfg.Limits, l.records, l.age, s.sub.Now())
		s.writer, s.trouble, s.pause = writer{}, "", 0
		s.look()
		s.prune()
		s.chain.begin()
	})
}

// reopen tries again after a pause that grows.
func (s *store) reopen(err error) {
	s.trouble = err.Error()
	s.pause = min(max(2*s.pause, reopenAfter), reopenAtMost)
	s.sub.Log.Error("the availability store's disk can't be used; it is tried again", "err", err, "again in", s.pause)
	s.sub.After(s.pause, s.open)
}

// write has a batch performed, and then tells. A batch of nothing is durable with all that came before it.
func (s *store) write(w Work, durable, failed func()) {
	number := w.Number
	if number == 0 {
		number = s.writer.last()
	} else {
		s.writer.works = append(s.writer.works, w)
	}
	s.await(number, durable, failed)
	s.next()
}

// last is the number of the newest batch that was handed in.
func (w *writer) last() uint64 {
	if n := len(w.works); n > 0 {
		return w.works[n-1].Number
	}
	if n := len(w.after); n > 0 {
		return w.after[n-1].number
	}
	return w.written
}

// await tells when a batch is durable.
func (s *store) await(number uint64, durable, failed func()) {
	if durable == nil {
		return
	}
	if number <= s.writer.written {
		durable()
		return
	}
	s.writer.after = append(s.writer.after, told{number, durable, failed})
}

func (s *store) next() {
	w := &s.writer
	if w.busy || w.broken || len(w.works) == 0 {
		return
	}
	w.busy = true
	works, disk := w.works, s.disk
	w.works = nil
	subsystem.Offload(s.sub, func() (struct{}, error) { return struct{}{}, disk.Write(works) },
		func(_ struct{}, err error) {
			s.writer.busy = false
			if err != nil {
				s.fail(err)
				return
			}
			s.written(works[len(works)-1].Number)
			s.look()
			s.next()
		})
}

// written tells all that waited for batches up to a number.
func (s *store) written(number uint64) {
	s.core.Written(number)
	s.writer.written = number
	waiting := s.writer.after
	s.writer.after = nil
	for _, t := range waiting {
		s.await(t.number, t.durable, t.failed)
	}
}

// fail gives up the core, which is ahead of the disk, and all that waits: nothing of it is durable. What is, is read
// anew.
func (s *store) fail(err error) {
	disk, waiting := s.disk, s.writer.after
	s.disk, s.writer = nil, writer{broken: true}
	for _, t := range waiting {
		t.failed()
	}
	subsystem.Offload(s.sub, func() (struct{}, error) { return struct{}{}, disk.Close() },
		func(struct{}, error) { s.reopen(err) })
}

// look sees how much room there is.
func (s *store) look() {
	disk := s.disk
	subsystem.Offload(s.sub, disk.Room, func(room uint64, err error) {
		s.low = "" // a disk that doesn't tell has room
		if err == nil && room < s.cfg.MinFree {
			s.low = "the disk has less room left than is kept free: nothing new is kept; make room"
			s.lookLater()
		}
	})
}

// lookLater looks again whether somebody has made room: while there is none, nothing may be written that would do so.
func (s *store) lookLater() {
	if s.unlook != nil {
		s.unlook()
	}
	s.unlook = s.sub.After(lookAgainAfter, func() {
		if s.disk != nil {
			s.look()
		}
	})
}

// prune drops what has had its time, and comes back when there is more.
func (s *store) prune() {
	if s.unprune != nil {
		s.unprune()
	}
	if s.disk == nil {
		return
	}
	b := s.core.Prune(s.sub.Now())
	s.write(Work{Batch: b}, nil, nil)
	s.unprune = s.sub.After(max(s.core.Next(s.sub.Now()), time.Second), s.prune)
}
