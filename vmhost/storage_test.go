package vmhost_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
)

// sick is a database on a disk that does what the test says, and tells so as package pebbledb does.
type sick struct {
	database.Database
	mu     sync.Mutex
	health database.Health
	told   func(database.Health)
}

func (s *sick) be(h database.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health = h
	s.told(h)
}

func (s *sick) Health() database.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

func (s *sick) Resume() {}

func (s *sick) Watch(f func(database.Health)) { s.told = f }

func (s *sick) Get(ctx context.Context, key []byte) ([]byte, error) {
	if h := s.Health(); h.Fault != nil {
		return nil, h.Fault
	}
	return s.Database.Get(ctx, key)
}

func (s *sick) GetBatch(ctx context.Context, keys [][]byte) ([][]byte, error) {
	if h := s.Health(); h.Fault != nil {
		return nil, h.Fault
	}
	return s.Database.GetBatch(ctx, keys)
}

func (s *sick) Write(ctx context.Context, b *database.Batch, d database.Durability) error {
	if h := s.Health(); h.Fault != nil {
		return h.Fault
	}
	return s.Database.Write(ctx, b, d)
}

var full = database.Health{Fault: database.Faulty(syscall.ENOSPC)}

func startSick(t *testing.T, health database.Health) (*host, *sick) {
	h := &host{t: t, disk: memdb.New()}
	db := &sick{Database: h.disk.Open(), health: health}
	spec := h.spec()
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		return vmhost.Spec(vmhost.Config{
			Chain: "kv", ChainID: chainID, NodeID: self, Launcher: h,
			OpenDB: func() (database.Database, error) { return db, nil },
		}).New(sub)
	}
	h.Overseer = overseertest.Start(t, spec)
	return h, db
}

func TestWhileTheDiskFailsNothingIsTakenAndThenEverythingGoesOn(t *testing.T) {
	h, db := startSick(t, database.Health{})
	h.extend(0, "a", "1")
	h.submit(1, "a", "2")
	b := h.build().GetBlock()
	h.verify(b)
	for range 10 { // far more often than a plugin may die
		db.be(full)
		h.Step()
		if running(h.plugin()) || !strings.Contains(h.Trouble("database"), "no space left") ||
			!strings.Contains(h.plugin().GetCause(), "no space left") {
			t.Fatalf("on a full disk: %v", h.Status())
		}
		h.Advance(time.Minute)
		if running(h.plugin()) {
			t.Fatal("a plugin is started while the disk is full")
		}
		db.be(database.Health{})
		h.Step()
		h.Advance(2 * time.Second)
		if !running(h.plugin()) || h.Trouble("database") != "" {
			t.Fatalf("with room again: %v", h.Status())
		}
	}
	db.be(full)
	h.Step()
	accept := h.Ask("engine", wrap(b))
	h.Advance(20 * time.Second)
	if e := overseertest.Must[*vmv1.AcceptBlockResponse](t, accept).GetError(); e.GetUnavailable() == nil {
		t.Fatalf("a decided block on a full disk: %v", e)
	}
	db.be(database.Health{})
	h.Step()
	h.Advance(2 * time.Second)
	if e := h.accept(b); e != nil {
		t.Fatalf("with room again: %v", e)
	}
	if h.height() != 2 || h.value("a") != "2" {
		t.Fatalf("height %d, a = %q", h.height(), h.value("a"))
	}
}

// The commit is what finds the disk full, before anybody is told.
func TestACommitThatFindsTheDiskFullIsDoneWhenThereIsRoom(t *testing.T) {
	h, db := startSick(t, database.Health{})
	h.extend(0, "a", "1")
	h.submit(1, "a", "2")
	b := h.build().GetBlock()
	h.verify(b)
	db.mu.Lock()
	db.health = full
	db.mu.Unlock()
	accept := h.Ask("engine", wrap(b))
	db.be(full)
	h.Step()
	h.Advance(3 * time.Second)
	db.be(database.Health{})
	h.Step()
	h.Advance(3 * time.Second)
	if e := overseertest.Must[*vmv1.AcceptBlockResponse](t, accept).GetError(); e != nil {
		t.Fatalf("%v", e)
	}
	if h.height() != 2 || h.value("a") != "2" || h.Number("suspects") != 0 {
		t.Fatalf("height %d, a = %q, %d suspects", h.height(), h.value("a"), h.Number("suspects"))
	}
}

func TestADiskThatFailsFromTheBeginningIsWaitedFor(t *testing.T) {
	h, db := startSick(t, full)
	if !strings.Contains(h.Trouble("database"), "no space left") || h.Status().GetReady() {
		t.Fatalf("at the beginning: %v", h.Status())
	}
	a := h.Ask("engine", &vmv1.LastAccepted{})
	h.Advance(time.Second)
	if !a.Done || a.Err == nil || !strings.Contains(a.Err.Error(), "no space left") {
		t.Errorf("asked meanwhile: %+v", a)
	}
	db.be(database.Health{})
	h.Step()
	h.Advance(time.Second)
	if !running(h.plugin()) || !h.Status().GetReady() {
		t.Fatalf("with room: %v", h.Status())
	}
	h.extend(0, "a", "1")
}

func TestLittleRoomIsSaidAndStopsNothing(t *testing.T) {
	h, db := startSick(t, database.Health{})
	db.be(database.Health{Warning: "100 MiB left"})
	h.Step()
	if h.Trouble("disk") != "100 MiB left" || !running(h.plugin()) {
		t.Fatalf("%v", h.Status())
	}
	h.extend(0, "a", "1")
}

func TestADatabaseThatIsDamagedEndsTheProcessWithTheSentence(t *testing.T) {
	h, db := startSick(t, database.Health{})
	h.extend(0, "a", "1")
	db.be(database.Health{Lost: true, Fault: database.Faulty(
		errcode.New(errcode.DataDamaged, "Restore it.", nil, "000005.sst is damaged"))})
	h.Step()
	ended, err := h.Ended()
	var readable *errcode.Error
	if !ended || !errors.As(err, &readable) || errcode.Of(err) != errcode.SafetyHalt {
		t.Errorf("ended %v with %v", ended, err)
	}
}

func TestARecordThatLosesItsEndEndsTheProcessWithTheSentence(t *testing.T) {
	h := start(t)
	h.extend(0, "a", "1")
	var b database.Batch
	b.Delete([]byte("l"))
	if err := h.disk.Open().Write(context.Background(), &b, database.Sync); err != nil {
		t.Fatal(err)
	}
	h.crash()
	ended, err := h.Ended()
	if !ended || errcode.Of(err) != errcode.SafetyHalt || !strings.Contains(err.Error(), "remove that directory") {
		t.Errorf("ended %v with %v", ended, err)
	}
}
