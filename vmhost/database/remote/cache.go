package remote

import (
	"sync"

	"github.com/reevenet/reeve/vmhost/database"
)

// entry is a value, or the knowledge that there is none (nil).
type entry []byte

// cache holds what was read and written lately: two generations of entries, the younger one filling up until it becomes
// the older one and the older one is dropped. It costs one map look-up and keeps what is used often, which is what an
// LRU list would do for more.
//
// Staged entries are writes of an accepted block that the host may not have committed yet. They are never dropped
// before settle.
type cache struct {
	mu     sync.Mutex
	limit  int
	size   int
	young  map[string]entry
	old    map[string]entry
	staged map[string]entry
	// undurable are the writes of accepted blocks, in order of height, that a power cut may still take away.
	undurable undurable
	// epoch rises with every write: what was read before a write must not be stored after it.
	epoch uint64
}

func newCache(limit int) *cache {
	return &cache{limit: limit, young: make(map[string]entry), staged: make(map[string]entry)}
}

// get returns what is known of a key.
func (c *cache) get(key []byte) (value entry, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lookUp(key)
}

func (c *cache) lookUp(key []byte) (entry, bool) {
	if v, ok := c.staged[string(key)]; ok {
		return v, true
	}
	if v, ok := c.young[string(key)]; ok {
		return v, true
	}
	v, ok := c.old[string(key)]
	if ok {
		c.store(string(key), v)
	}
	return v, ok
}

// getBatch looks up many keys. missing are the positions of those not known; epoch belongs with fill.
func (c *cache) getBatch(keys [][]byte, values [][]byte) (missing []int, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, key := range keys {
		v, ok := c.lookUp(key)
		if !ok {
			missing = append(missing, i)
		} else if v != nil {
			values[i] = append([]byte{}, v...)
		}
	}
	return missing, c.epoch
}

// fill remembers what was read, unless something was written since epoch.
func (c *cache) fill(epoch uint64, key []byte, value entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch == c.epoch {
		c.store(string(key), value)
	}
}

// stage shows the writes of a block before they are committed.
func (c *cache) stage(height uint64, b *database.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settleLocked()
	c.staged = make(map[string]entry, b.Len())
	c.epoch++
	for _, op := range b.Ops() {
		c.staged[string(op.Key)] = entryOf(op)
	}
	c.undurable.add(height, c.staged)
}

// settle says that what is staged has been committed, if not made durable.
func (c *cache) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settleLocked()
}

// committed says up to which height all is durable.
func (c *cache) committed(height uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.undurable.durable(height)
}

func (c *cache) settleLocked() {
	if len(c.staged) == 0 {
		return
	}
	for key, v := range c.staged {
		c.store(key, v)
	}
	c.staged = make(map[string]entry)
}

// wrote remembers committed writes.
func (c *cache) wrote(b *database.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for _, op := range b.Ops() {
		c.store(string(op.Key), entryOf(op))
		if _, ok := c.staged[string(op.Key)]; ok {
			c.staged[string(op.Key)] = entryOf(op)
		}
	}
}

func entryOf(op database.Op) entry {
	if op.Delete {
		return nil
	}
	return append(entry{}, op.Value...)
}

// overhead is what an entry costs beside its bytes.
const overhead = 64

func (c *cache) store(key string, value entry) {
	c.young[key] = value
	c.size += len(key) + len(value) + overhead
	if c.size > c.limit/2 {
		c.old, c.young, c.size = c.young, make(map[string]entry), 0
	}
}

// bytes is what the cache holds at the moment, an upper bound.
func (c *cache) bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for _, m := range []map[string]entry{c.young, c.old, c.staged} {
		for key, v := range m {
			total += len(key) + len(v) + overhead
		}
	}
	return total
}
