package overseer

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
)

func newTestServer(t *testing.T, keep Quarantine) *Server {
	t.Helper()
	core, err := New(Config{Epoch: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return NewServer(core, keep)
}

func TestWhoeverAsksIsToldThatTheLoopStands(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	defer s.Close()
	stuck, release := make(chan struct{}), make(chan struct{})
	go s.with(func(time.Time) { close(stuck); <-release })
	<-stuck
	becomes(t, s, "hasn't turned")
	close(release)
	becomes(t, s, "")
}

// becomes waits until a server says of its loop what it should.
func becomes(t *testing.T, s *Server, want string) {
	t.Helper()
	var err error
	for range 3000 {
		if err = s.Alive(); (err == nil) == (want == "") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := fmt.Sprint(err); (err == nil) != (want == "") || !strings.Contains(got, want) {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// stuckDisk is a quarantine whose disk doesn't answer.
type stuckDisk struct {
	begun   chan struct{}
	release chan struct{}
	kept    int
}

func (d *stuckDisk) Keep([]byte, string, string) error {
	if d.kept++; d.kept == 1 {
		close(d.begun)
		<-d.release
	}
	return nil
}

func TestTheLoopNeverWaitsForTheQuarantinesDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &stuckDisk{begun: make(chan struct{}), release: make(chan struct{})}
		s := newTestServer(t, disk)
		for range 2 * maxKeeping { // those for which there is no room are said and not kept
			s.onEvent(broker.Event{Kind: broker.Quarantined, Env: &wire.Envelope{}})
		}
		<-disk.begun
		time.Sleep(time.Minute)
		if err := s.Alive(); err != nil {
			t.Error(err)
		}
		close(disk.release)
		s.Close()
		if disk.kept < maxKeeping || disk.kept > maxKeeping+1 {
			t.Errorf("%d of %d were kept", disk.kept, 2*maxKeeping)
		}
	})
}
