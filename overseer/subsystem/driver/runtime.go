package driver

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
	stdruntime "runtime"
	"time"
)

// Runtime is what a machine needs from outside its messages. There are two: the real one, and the simulator's, in which
// time is virtual and everything happens in one thread.
type Runtime interface {
	// Now is the time.
	Now() time.Time
	// AfterFunc calls f once, on any goroutine, when d has passed; stop prevents it if it isn't too late.
	AfterFunc(d time.Duration, f func()) (stop func())
	// Offload does work and then calls done, both on any goroutine.
	Offload(work, done func())
	// Rand is the source of randomness. It is used by the machine only.
	Rand() *rand.Rand
}

type realRuntime struct {
	rand  *rand.Rand
	slots chan struct{}
}

// offloads is how many pieces of offloaded work run at once: disk work waits more than it computes.
func offloads() int { return 4 * max(stdruntime.NumCPU(), 2) }

// RealRuntime is that of a process: the machine's clock and true randomness.
func RealRuntime() Runtime {
	var seed [32]byte
	if _, err := crand.Read(seed[:]); err != nil {
		binary.BigEndian.PutUint64(seed[:], uint64(time.Now().UnixNano()))
	}
	return &realRuntime{rand: rand.New(rand.NewChaCha8(seed)), slots: make(chan struct{}, offloads())}
}

func (w *realRuntime) Now() time.Time   { return time.Now() }
func (w *realRuntime) Rand() *rand.Rand { return w.rand }

func (w *realRuntime) AfterFunc(d time.Duration, f func()) func() {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}

func (w *realRuntime) Offload(work, done func()) {
	go func() {
		w.slots <- struct{}{}
		work()
		<-w.slots
		done()
	}()
}
