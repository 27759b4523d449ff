package simdisk

import (
	"io/fs"
	"math/rand/v2"
	"slices"
)

// node is a file or a directory.
type node struct {
	id   int
	dir  bool
	mode fs.FileMode
	// cache is what a read shows.
	cache []byte
	// durable is what a crash leaves for sure, and unsynced what it may add to it.
	durable  []byte
	unsynced []write
}

type write struct {
	off  int64
	data []byte
}

func clone(b []byte) []byte { return slices.Clone(b) }

// place puts data at off in b, with zeros before it if b is shorter.
func place(b, data []byte, off int64) []byte {
	if end := off + int64(len(data)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[off:], data)
	return b
}

func (n *node) write(data []byte, off int64) {
	n.cache = place(n.cache, data, off)
	n.unsynced = append(n.unsynced, write{off, clone(data)})
}

func (n *node) sync() {
	for _, w := range n.unsynced {
		n.durable = place(n.durable, w.data, w.off)
	}
	n.unsynced = nil
}

// syncFailed forgets what should have become durable. Reads still show it, and no later sync will write it.
func (n *node) syncFailed(rng *rand.Rand) {
	n.settle(rng)
	n.unsynced = nil
}

// settle decides about each write that wasn't synced: kept, lost or torn.
func (n *node) settle(rng *rand.Rand) {
	for _, w := range n.unsynced {
		switch rng.IntN(4) {
		case 0: // lost
		case 1: // a part of it, from its beginning
			n.durable = place(n.durable, w.data[:rng.IntN(len(w.data)+1)], w.off)
		case 2: // the file has its length and not its data, or not all
			hole := make([]byte, len(w.data))
			if len(hole) > 0 {
				from := rng.IntN(len(hole))
				copy(hole[from:], w.data[from:])
			}
			n.durable = place(n.durable, hole, w.off)
		default:
			n.durable = place(n.durable, w.data, w.off)
		}
	}
}

func (n *node) crash(rng *rand.Rand) {
	n.settle(rng)
	n.unsynced = nil
	n.cache = clone(n.durable)
}
