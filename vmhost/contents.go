package vmhost

import "github.com/reevenet/reeve/internal/core/primitives"

// contents keeps the bytes of blocks that were built or parsed lately, so that VerifyBlock needs only their id.
// Bounded, the oldest goes first: strangers send blocks.
type contents struct {
	byID  map[primitives.Hash][]byte
	order []primitives.Hash
	size  int
}

const (
	maxContents     = 256
	maxContentBytes = 32 << 20
)

func (c *contents) add(id primitives.Hash, content []byte) {
	if c.byID == nil {
		c.byID = make(map[primitives.Hash][]byte)
	}
	if _, known := c.byID[id]; known {
		return
	}
	c.byID[id] = content
	c.order = append(c.order, id)
	c.size += len(content)
	for len(c.order) > 1 && (len(c.order) > maxContents || c.size > maxContentBytes) {
		c.size -= len(c.byID[c.order[0]])
		delete(c.byID, c.order[0])
		c.order = c.order[1:]
	}
}

func (c *contents) get(id primitives.Hash) ([]byte, bool) {
	b, ok := c.byID[id]
	return b, ok
}
