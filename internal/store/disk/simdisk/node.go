package simdisk

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"

	"github.com/reevenet/reeve/internal/store/disk"
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
	// settled counts the writes that are out of unsynced.
	settled int
}

func (n *node) info() disk.Info {
	mode := n.mode
	if n.dir {
		mode |= fs.ModeDir
	}
	return disk.Info{Mode: mode, Identity: fmt.Sprintf("node %d", n.id)}
}

type write struct {
	off  int64
	data []byte
}

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
	n.unsynced = append(n.unsynced, write{off, bytes.Clone(data)})
}

// sync makes the oldest writes durable.
func (n *node) sync(writes int) {
	writes = max(0, min(writes, len(n.unsynced)))
	for _, w := range n.unsynced[:writes] {
		n.durable = place(n.durable, w.data, w.off)
	}
	n.unsynced, n.settled = n.unsynced[writes:], n.settled+writes
}

// syncFailed forgets what should have become durable. Reads still show it, and no later sync will write it.
func (n *node) syncFailed(rng *rand.Rand) {
	n.settle(rng)
	n.settled += len(n.unsynced)
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
			from := rng.IntN(len(w.data))
			n.durable = place(n.durable, append(make([]byte, from), w.data[from:]...), w.off)
		default:
			n.durable = place(n.durable, w.data, w.off)
		}
	}
}

func (n *node) crash(rng *rand.Rand) {
	n.settle(rng)
	n.unsynced = nil
	n.cache = bytes.Clone(n.durable)
}
