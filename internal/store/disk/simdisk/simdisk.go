// Package simdisk is a disk in memory on which the worst that a real one may do can be made to happen, and happens the
// same way again for the same seed. Tests and the deterministic simulation use it in the place of disk.OS.
//
// What it may do: a crash of the machine keeps what was synced; of what was written and not synced each write may be
// kept, lost or torn, in any combination, and of the names made since the last SyncDir any prefix may be kept. A Sync
// that fails loses what it should have written while reads go on showing it, as the page cache of a kernel does. Any
// operation can be made to fail, or the machine to stop in the middle of it, and the operations are counted so that a
// test can stop at each.
//
// A Disk belongs to a machine; each process of it has a view of its own, whose open files and locks end with it.
package simdisk

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"sync"
)

// ErrOff is what every operation returns between the moment the machine stopped and Crash.
var ErrOff = errors.New("the machine is off")

// Disk is the disk of one machine. Its methods may be called from several goroutines.
type Disk struct {
	mu      sync.Mutex
	rng     *rand.Rand
	names   names
	fault   Fault
	ops     int
	off     bool
	ids     int
	limits  Limits
	handles int
	holders map[string]*lock
	all     []*Process
	later   func(func())
	crashes int
}

// Limits bounds what the machine has; zero means no bound.
type Limits struct {
	// Bytes is the size of the disk: beyond it writes return ENOSPC, having written what still fitted.
	Bytes int64
	// Handles is the number of files that may be open at once: beyond it opening returns EMFILE.
	Handles int
	// ReadOnly makes everything that changes the disk return EROFS.
	ReadOnly bool
}

// New returns an empty disk with a root directory "/". The seed decides what is kept of that which wasn't synced.
func New(seed uint64) *Disk {
	return &Disk{
		rng:     rand.New(rand.NewPCG(seed, 0x7265657665)),
		names:   newNames(),
		holders: map[string]*lock{},
	}
}

func (d *Disk) newNode(mode fs.FileMode) *node {
	d.ids++
	return &node{id: d.ids, mode: mode}
}

// Process returns a view of the disk for a new process.
func (d *Disk) Process() *Process {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &Process{disk: d}
	d.all = append(d.all, p)
	return p
}

// Crash is a power cut and the start after it: all processes are dead, and only what was synced is sure to be there.
// Get new views with Process.
func (d *Disk) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.all {
		p.end()
	}
	d.all = nil
	d.crashes++
	d.names.crash(d.rng)
	d.off = false
}

// SetFault decides from now on what every operation does; nil means that all succeed.
func (d *Disk) SetFault(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// SetLying makes every sync of a file a lie: it returns at once, and makes what was written durable when later calls
// what it is given. A crash before that loses it. Later must not call it at once; nil ends the lying.
func (d *Disk) SetLying(later func(func())) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.later = later
}

// postpone makes durable later what has been written to a file so far.
func (d *Disk) postpone(n *node) {
	crashes, upTo := d.crashes, n.settled+len(n.unsynced)
	d.later(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.crashes == crashes {
			n.sync(upTo - n.settled)
		}
	})
}

// SetLimits changes what the machine has.
func (d *Disk) SetLimits(l Limits) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limits = l
}

// Ops is the number of operations so far.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// Copy is another machine's disk with the same durable files, as restoring a backup makes: the files are other files.
func (d *Disk) Copy(seed uint64) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := New(seed)
	c.ids = d.ids
	for path, n := range d.names.durable {
		c.ids++
		twin := &node{id: c.ids, dir: n.dir, mode: n.mode}
		twin.cache, twin.durable = bytes.Clone(n.durable), bytes.Clone(n.durable)
		c.names.seen[path], c.names.durable[path] = twin, twin
	}
	return c
}
