package pebbledb

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/reevenet/reeve/vmhost/database"
)

// slowFor is how long after a slow operation the disk is said to be slow.
const slowFor = 30 * time.Second

// state is how the disk is, for those who ask and who watch.
type state struct {
	log *slog.Logger

	mu     sync.Mutex
	health database.Health
	room   string    // what is said of little room
	late   string    // what is said of a slow disk,
	lateAt time.Time // since when
	watch  func(database.Health)
	told   database.Health
	logged string // the kind of what was logged last
}

// fault is why calls are refused; nil: they aren't.
func (s *state) fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health.Fault
}

func (s *state) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health.Lost
}

func (s *state) fail(cause error) {
	s.change(func() {
		if !s.health.Lost {
			s.health.Fault = database.Faulty(cause)
		}
	})
}

func (s *state) lose(cause error) {
	s.change(func() { s.health.Fault, s.health.Lost = database.Faulty(cause), true })
}

func (s *state) well() {
	s.change(func() {
		if !s.health.Lost {
			s.health.Fault = nil
		}
	})
}

func (s *state) little(room string) { s.change(func() { s.room = room }) }

func (s *state) slow(what string) { s.change(func() { s.late, s.lateAt = what, time.Now() }) }

// change changes it, and tells those who watch, one after the other.
func (s *state) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	if s.late != "" && time.Since(s.lateAt) > slowFor {
		s.late = ""
	}
	if s.health.Warning = s.room; s.late != "" {
		s.health.Warning = s.late
	}
	s.tell()
}

func (s *state) tell() {
	now := s.health
	if now.Text() == s.told.Text() && now.Lost == s.told.Lost {
		return
	}
	s.told = now
	s.write(now)
	if s.watch != nil {
		s.watch(now)
	}
}

// write logs what is of another kind than before: how much room there is changes with every look.
func (s *state) write(now database.Health) {
	kind, level := "the disk under the chain's database is well again", slog.LevelInfo
	switch {
	case now.Lost:
		kind, level = "the chain's database is lost", slog.LevelError
	case now.Fault != nil:
		kind, level = "the disk fails under the chain's database, which is tried again", slog.LevelError
	case now.Warning != "":
		kind, level = "the disk under the chain's database isn't well", slog.LevelWarn
	}
	if kind != s.logged {
		s.log.Log(context.Background(), level, kind, "err", now.Text())
		s.logged = kind
	}
}

// Health is database.Watched.
func (d *DB) Health() database.Health {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	return d.state.health
}

func (d *DB) Watch(f func(database.Health)) {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	d.state.watch = f
	if d.state.health != (database.Health{}) {
		f(d.state.health)
	}
}
