package subsystem

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"time"
)

// World is what a loop needs from outside its messages. There are two: the real one, and the simulator's, in which time is
// virtual and everything happens in one thread.
type World interface {
	// Now is the time.
	Now() time.Time
	// AfterFunc calls f once, on any goroutine, when d has passed; stop prevents it if it isn't too late.
	AfterFunc(d time.Duration, f func()) (stop func())
	// Offload does work and then calls done, both on any goroutine.
	Offload(work, done func())
	// Rand is the source of luck. It is used on the loop only.
	Rand() *rand.Rand
}

type realWorld struct {
	rand  *rand.Rand
	slots chan struct{}
}

// offloads is how many pieces of offloaded work run at once: disk work waits more than it computes.
func offloads() int { return 4 * max(runtime.NumCPU(), 2) }

// RealWorld is the world of a process: the machine's clock and true luck.
func RealWorld() World {
	var seed [32]byte
	if _, err := crand.Read(seed[:]); err != nil {
		binary.BigEndian.PutUint64(seed[:], uint64(time.Now().UnixNano()))
	}
	return &realWorld{rand: rand.New(rand.NewChaCha8(seed)), slots: make(chan struct{}, offloads())}
}

func (w *realWorld) Now() time.Time   { return time.Now() }
func (w *realWorld) Rand() *rand.Rand { return w.rand }

func (w *realWorld) AfterFunc(d time.Duration, f func()) func() {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}

func (w *realWorld) Offload(work, done func()) {
	go func() {
		w.slots <- struct{}{}
		work()
		<-w.slots
		done()
	}()
}
