package overseer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// TestMain is also the process that takes a blob, when it is told to be.
func TestMain(m *testing.M) {
	if os.Getenv("REEVE_TEST_TAKES_BLOBS") != "" {
		os.Exit(subsystem.Main(context.Background(), reader()))
	}
	os.Exit(m.Run())
}

// reader gets the blob that it is asked about, and answers what it has read and in which process.
func reader() subsystem.Spec {
	return subsystem.Spec{Name: "candidate-validation", New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
		return funcs{handle: func(m *subsystem.Message) {
			ref := m.Body.(*candidatevalidationv1.Validate).ValidationCode
			sub.Blobs().Get(ref, 0, -1, func(b subsystem.Blob, err error) {
				if err != nil {
					m.Fail(err)
					return
				}
				defer b.Close()
				m.Reply(read(b.Bytes()))
			})
		}}, nil
	}}
}

func read(b []byte) *candidatevalidationv1.ValidateResponse {
	said := fmt.Sprintf("%d bytes %08x", len(b), crc32.ChecksumIEEE(b))
	return &candidatevalidationv1.ValidateResponse{Outcome: &candidatevalidationv1.ValidateResponse_Invalid{
		Invalid: &candidatevalidationv1.Invalid{Detail: said,
			Reason: candidatevalidationv1.Invalid_Reason(os.Getpid())},
	}}
}

// writer asks about blobs.
func writer(ready func(*subsystem.Sub)) subsystem.Spec {
	return subsystem.Spec{
		Name: "candidate-backing", Asks: []proto.Message{&candidatevalidationv1.Validate{}},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			ready(sub)
			return funcs{}, nil
		},
	}
}

// fiveMiB is what no message may hold.
func fiveMiB() []byte { return bytes.Repeat([]byte("proof of validity"), 5<<20/17+1)[:5<<20] }

type readBack struct {
	resp *candidatevalidationv1.ValidateResponse
	err  error
}

// handOver puts b and asks the reader what it reads.
func handOver(sub *subsystem.Sub, b []byte, done func(readBack)) {
	sub.Blobs().Put(b, time.Hour, func(ref *primitivesv1.BlobRef, err error) {
		if err != nil {
			done(readBack{nil, err})
			return
		}
		ask := &candidatevalidationv1.Validate{ValidationCode: ref}
		subsystem.Ask(sub, ask, time.Minute, func(r *candidatevalidationv1.ValidateResponse,
			err error) {
			done(readBack{r, err})
		})
	})
}

// Two processes of the operating system share a directory; only the reference goes over the bus.
func TestABlobOfFiveMiBReachesAnotherProcess(t *testing.T) {
	b := startBus(t, overseer.Config{Epoch: 1})
	b.blobs = t.TempDir()
	taker := exec.Command(os.Args[0])
	taker.Env = append(os.Environ(), "REEVE_TEST_TAKES_BLOBS=1", "REEVE_BUS=unix:"+b.addr, "REEVE_BLOBS="+b.blobs)
	taker.Stderr = os.Stderr
	if err := taker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = taker.Process.Kill()
		_ = taker.Wait() // it was killed, and says so
	})
	ready, done := make(chan *subsystem.Sub, 1), make(chan readBack, 1)
	b.run(writer(func(sub *subsystem.Sub) { ready <- sub }))
	sub, sent := <-ready, fiveMiB()
	sub.Post(func() { handOver(sub, sent, func(r readBack) { done <- r }) })
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	want := read(sent).GetInvalid()
	if r := got.resp.GetInvalid(); r.Detail != want.Detail || int(r.Reason) != taker.Process.Pid {
		t.Errorf("process %d read %q, want %q of process %d", r.Reason, r.Detail, want.Detail, taker.Process.Pid)
	}
	if n := passed(b.server.Status().Subsystems); n == 0 || n > 1000 {
		t.Errorf("%d bytes went over the bus", n)
	}
}

// The same handlers in a node in memory.
func TestABlobOfFiveMiBInANodeInMemory(t *testing.T) {
	n := overseertest.NodeWith(t, overseer.Config{})
	n.Attach(reader(), "reader")
	var sub *subsystem.Sub
	m := n.Attach(writer(func(s *subsystem.Sub) { sub = s }), "writer")
	n.Settle()
	var got readBack
	m.Do(func(*subsystem.Sub) { handOver(sub, fiveMiB(), func(r readBack) { got = r }) })
	if got.err != nil || got.resp.GetInvalid().Detail != read(fiveMiB()).GetInvalid().Detail {
		t.Errorf("%v, %v", got.resp, got.err)
	}
	if passed := passed(n.Core.Broker.Status().Subsystems); passed > 1000 {
		t.Errorf("%d bytes went over the bus", passed)
	}
}

// A lease is the subsystem's: it is there after a restart, and ends when it is released or over.
func TestABlobLivesAsLongAsItsLeases(t *testing.T) {
	n := overseertest.NodeWith(t, overseer.Config{})
	var a, b *subsystem.Sub
	first := n.Attach(writer(func(s *subsystem.Sub) { a = s }), "first")
	other := reader()
	second := n.Attach(subsystem.Spec{Name: other.Name, New: func(s *subsystem.Sub) (subsystem.Handler, error) {
		b = s
		return other.New(s)
	}}, "second")
	n.Settle()
	var ref *primitivesv1.BlobRef
	first.Do(func(*subsystem.Sub) {
		a.Blobs().Put([]byte("proof"), time.Hour, func(r *primitivesv1.BlobRef, _ error) { ref = r })
	})
	errs := []error{errors.New("not called")}
	get := func() error {
		second.Do(func(*subsystem.Sub) {
			b.Blobs().Get(ref, 1, 3, func(v subsystem.Blob, err error) {
				if errs[0] = err; err == nil && string(v.Bytes()) != "roo" {
					errs[0] = fmt.Errorf("read %q", v.Bytes())
				}
			})
		})
		return errs[0]
	}
	second.Do(func(*subsystem.Sub) { b.Blobs().Hold(ref, 2*time.Hour, func(err error) { errs[0] = err }) })
	first.Do(func(*subsystem.Sub) { a.Blobs().Release(ref) })
	if err := errors.Join(errs[0], get()); err != nil {
		t.Errorf("held by the second: %v", err)
	}
	second.Kill()
	second.Start()
	n.Advance(time.Hour)
	if err := get(); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	n.Advance(2 * time.Hour)
	if err := get(); !errors.Is(err, subsystem.ErrBlobMissing) {
		t.Errorf("when all leases are over: %v", err)
	}
}

func TestAProcessWithoutABlobStoreSaysWhatToDo(t *testing.T) {
	b := startBus(t, overseer.Config{Epoch: 1})
	ready, done := make(chan *subsystem.Sub, 1), make(chan readBack, 1)
	b.run(writer(func(sub *subsystem.Sub) { ready <- sub }))
	sub := <-ready
	sub.Post(func() { handOver(sub, nil, func(r readBack) { done <- r }) })
	if got := <-done; got.err == nil || !bytes.Contains([]byte(got.err.Error()), []byte("REEVE_BLOBS")) {
		t.Error(got.err)
	}
}

// passed is how many bytes of messages went through mailboxes.
func passed(mailboxes []broker.SubsystemStatus) (n uint64) {
	for _, s := range mailboxes {
		for _, lane := range s.Lanes {
			n += lane.Bytes
		}
	}
	return n
}
