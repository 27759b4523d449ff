package remote

import (
	"context"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/vmhost/database"
)

// ErrNotDurable is the answer when nothing can be waited for.
var ErrNotDurable = errors.New("database: what this rests on isn't durable yet; ask again")

// undurable are accepted blocks' writes that aren't durable. It belongs to a cache, with its lock.
type undurable struct {
	blocks []blockWrites
	// height is up to where all is durable; grown is closed when it grows.
	height uint64
	grown  chan struct{}
}

type blockWrites struct {
	height uint64
	writes map[string]entry
}

func (u *undurable) add(height uint64, writes map[string]entry) {
	u.blocks = append(u.blocks, blockWrites{height, writes})
}

// durable drops what is durable now, and wakes those who wait.
func (u *undurable) durable(height uint64) {
	u.height = max(u.height, height)
	done := 0
	for done < len(u.blocks) && u.blocks[done].height <= u.height {
		done++
	}
	u.blocks = append([]blockWrites(nil), u.blocks[done:]...)
	if u.grown != nil {
		close(u.grown)
		u.grown = nil
	}
}

// under is the newest undurable block that has changed one of the keys; no keys: the newest of all.
func (u *undurable) under(keys [][]byte) (height uint64, ok bool) {
	for i := len(u.blocks) - 1; i >= 0; i-- {
		b := u.blocks[i]
		if len(keys) == 0 {
			return b.height, true
		}
		for _, key := range keys {
			if _, changed := b.writes[string(key)]; changed {
				return b.height, true
			}
		}
	}
	return 0, false
}

// wait returns when what these keys had just now is durable; no keys: when everything is.
func (c *cache) wait(ctx context.Context, alone bool, keys ...[]byte) error {
	c.mu.Lock()
	target, waits := c.undurable.under(keys)
	for waits && target > c.undurable.height {
		if alone {
			c.mu.Unlock()
			return ErrNotDurable
		}
		if c.undurable.grown == nil {
			c.undurable.grown = make(chan struct{})
		}
		grown := c.undurable.grown
		c.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrNotDurable, ctx.Err())
		}
		c.mu.Lock()
	}
	c.mu.Unlock()
	return nil
}

// Durable shows what Client shows, and answers when that is durable: what it has said is there after a power cut. A
// read waits only if an accepted block that isn't durable yet has changed what it reads.
func (c *Client) Durable() database.Reader { return durable{c} }

type durable struct{ client *Client }

// Get reads one key.
func (d durable) Get(ctx context.Context, key []byte) ([]byte, error) {
	value, err := d.client.Get(ctx, key)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return nil, err
	}
	if unsafe := d.wait(ctx, key); unsafe != nil {
		return nil, unsafe
	}
	return value, err
}

// Has tells whether key exists.
func (d durable) Has(ctx context.Context, key []byte) (bool, error) {
	_, err := d.Get(ctx, key)
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// GetBatch reads many keys.
func (d durable) GetBatch(ctx context.Context, keys [][]byte) ([][]byte, error) {
	values, err := d.client.GetBatch(ctx, keys)
	if err == nil && len(keys) > 0 {
		err = d.wait(ctx, keys...)
	}
	return values, err
}

// Iterate goes through a range, when all of the state that it goes through is durable.
func (d durable) Iterate(ctx context.Context, start, end []byte) database.Iterator {
	it := d.client.Iterate(ctx, start, end)
	if err := d.wait(ctx); err != nil {
		it.Close()
		return &iterator{err: err}
	}
	return it
}

func (d durable) wait(ctx context.Context, keys ...[]byte) error {
	return d.client.cache.wait(ctx, d.client.Alone, keys...)
}
