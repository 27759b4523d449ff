package relayvm

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// What has been included lately: it can be disputed. Each candidate has an entry, and each height a list of them, by
// which they are forgotten.
const (
	keyIncluded   = "included/"
	keyIncludedAt = "includedat/"
)

func includedKey(candidate primitives.Hash) string { return keyIncluded + string(candidate[:]) }
func includedAtKey(height uint64) string           { return fmt.Sprintf("%s%020d", keyIncludedAt, height) }

// remember notes a candidate that this block includes.
func (r *run) remember(candidate primitives.Hash) { r.includes = append(r.includes, candidate) }

// noteIncluded writes down what the block includes, and forgets what was included longer ago than the period.
func (r *run) noteIncluded() error {
	if period := r.world.config.Active.AcceptancePeriod; r.above.height > period {
		if err := r.forgetIncluded(r.above.height - period); err != nil {
			return err
		}
	}
	if len(r.includes) == 0 {
		return nil
	}
	var list []byte
	for _, c := range r.includes {
		if err := r.state.Load(r.ctx, includedKey(c)); err != nil {
			return err
		}
		r.state.Put(includedKey(c), nil)
		list = append(list, c[:]...)
	}
	if err := r.state.Load(r.ctx, includedAtKey(r.above.height)); err != nil {
		return err
	}
	r.state.Put(includedAtKey(r.above.height), list)
	return nil
}

func (r *run) forgetIncluded(height uint64) error {
	list, err := r.get(includedAtKey(height))
	if err != nil || list == nil {
		return err
	}
	for ; len(list) >= primitives.HashSize; list = list[primitives.HashSize:] {
		key := includedKey(primitives.Hash(list[:primitives.HashSize]))
		if err := r.state.Load(r.ctx, key); err != nil {
			return err
		}
		r.state.Delete(key)
	}
	r.state.Delete(includedAtKey(height))
	return nil
}

// wasIncluded tells whether a candidate has been included within the acceptance period.
func (r *run) wasIncluded(candidate primitives.Hash) (bool, error) {
	entry, err := r.get(includedKey(candidate))
	return entry != nil, err
}
