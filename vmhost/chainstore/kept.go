package chainstore

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/database"
)

// kept are the undecided blocks that are in the database, by id, with their heights. They are deleted with the write
// that makes them needless.
type kept struct {
	mu      sync.Mutex
	heights map[primitives.Hash]uint64
}

// load reads which they are. One that is deleted meanwhile is deleted once more later.
func (k *kept) load(ctx context.Context, db database.Database) error {
	it := db.Iterate(ctx, keptKey, database.PrefixEnd(keptKey))
	defer it.Close()
	for it.Next() {
		id, err := primitives.HashFrom(it.Key()[len(keptKey):])
		if err != nil || len(it.Value()) < 8 {
			return damaged("an undecided block in it can't be read")
		}
		k.add(id, binary.BigEndian.Uint64(it.Value()))
	}
	return it.Err()
}

// forget deletes those of which that is true in a write that comes.
func (k *kept) forget(b *database.Batch, which func(id primitives.Hash, height uint64) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, height := range k.heights {
		if which(id, height) {
			b.Delete(join(keptKey, id[:]))
			delete(k.heights, id)
		}
	}
}

func (k *kept) add(id primitives.Hash, height uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.heights == nil {
		k.heights = map[primitives.Hash]uint64{}
	}
	k.heights[id] = height
}

// Keep makes an undecided consensus block durable, until a block of its height is committed or another one of it is
// kept: of those only also stays. Calls must follow one another; it may run beside Commit.
func (r *Record) Keep(
	ctx context.Context, id primitives.Hash, height uint64, consensus []byte, also primitives.Hash,
) error {
	var b database.Batch
	r.kept.forget(&b, func(other primitives.Hash, at uint64) bool {
		return at == height && other != id && other != also
	})
	b.Put(join(keptKey, id[:]), append(binary.BigEndian.AppendUint64(nil, height), consensus...))
	r.kept.add(id, height) // before it is there: Commit may not miss it
	return r.db.Write(ctx, &b, database.Sync)
}

// Kept is a block that Keep has kept.
func (r *Record) Kept(ctx context.Context, id primitives.Hash) (consensus []byte, err error) {
	b, err := r.db.Get(ctx, join(keptKey, id[:]))
	if err != nil {
		return nil, err
	}
	if len(b) < 8 {
		return nil, damaged("an undecided block in it can't be read")
	}
	return b[8:], nil
}
