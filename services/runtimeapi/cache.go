package runtimeapi

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

const (
	// maxBlocks is of how many blocks answers are remembered, and maxCached how many bytes they may have in all.
	maxBlocks = 64
	maxCached = 8 << 20
	// codeKept is how long an answer that names code is remembered: half as long as the code is held in the blob store,
	// so whoever gets the answer from memory finds the code there and has time to hold it himself.
	codeKept = 5 * time.Minute
	// never is when all other answers end: they are true for ever.
	never = 100 * 365 * 24 * time.Hour
)

// cache remembers answers, by block. The block that was asked about longest ago is forgotten first.
type cache struct {
	blocks map[primitives.Hash]map[string]remembered
	used   []primitives.Hash // the latest last
	bytes  int
}

type remembered struct {
	answer *runtimeapiv1.RuntimeApiAnswer
	until  time.Time
	bytes  int
}

func (c *cache) get(k key, now time.Time) (*runtimeapiv1.RuntimeApiAnswer, bool) {
	r, known := c.blocks[k.block][k.question]
	if !known || now.After(r.until) {
		return nil, false
	}
	c.touch(k.block)
	return r.answer, true
}

func (c *cache) put(k key, answer *runtimeapiv1.RuntimeApiAnswer, until time.Time) {
	r := remembered{answer: answer, until: until, bytes: len(k.question) + proto.Size(answer)}
	if r.bytes > maxCached/2 {
		return
	}
	if c.blocks == nil {
		c.blocks = map[primitives.Hash]map[string]remembered{}
	}
	if c.blocks[k.block] == nil {
		c.blocks[k.block] = map[string]remembered{}
	}
	c.bytes += r.bytes - c.blocks[k.block][k.question].bytes
	c.blocks[k.block][k.question] = r
	c.touch(k.block)
	for len(c.used) > maxBlocks || c.bytes > maxCached {
		c.forget(c.used[0])
	}
}

func (c *cache) touch(block primitives.Hash) {
	if len(c.used) > 0 && c.used[len(c.used)-1] == block {
		return
	}
	c.used = append(slices.DeleteFunc(c.used, func(b primitives.Hash) bool { return b == block }), block)
}

func (c *cache) forget(block primitives.Hash) {
	for _, r := range c.blocks[block] {
		c.bytes -= r.bytes
	}
	delete(c.blocks, block)
	c.used = slices.DeleteFunc(c.used, func(b primitives.Hash) bool { return b == block })
}
