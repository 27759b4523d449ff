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
		u, broken := decodeUndecided(it.Value())
		if err != nil || broken != nil {
			return errUndecided
		}
		k.add(id, u.Height)
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

// Undecided is a consensus block that isn't decided.
type Undecided struct {
	Height    uint64
	Consensus []byte // the block
	Proof     []byte // why this node may be bound to it; empty: there is nothing to show
}

// provenBit marks in a record's height that a proof stands before the block, with its length.
const provenBit = 1 << 63

func (u Undecided) encode() []byte {
	if len(u.Proof) == 0 {
		return append(binary.BigEndian.AppendUint64(nil, u.Height), u.Consensus...)
	}
	b := binary.BigEndian.AppendUint64(nil, u.Height|provenBit)
	b = binary.BigEndian.AppendUint32(b, uint32(len(u.Proof)))
	return append(append(b, u.Proof...), u.Consensus...)
}

func decodeUndecided(b []byte) (u Undecided, err error) {
	if len(b) < 8 {
		return u, errUndecided
	}
	height, rest := binary.BigEndian.Uint64(b), b[8:]
	u.Height = height &^ provenBit
	if height != u.Height {
		if len(rest) < 4 || uint64(len(rest)-4) < uint64(binary.BigEndian.Uint32(rest)) {
			return u, errUndecided
		}
		n := binary.BigEndian.Uint32(rest)
		u.Proof, rest = rest[4:4+n], rest[4+n:]
	}
	u.Consensus = rest
	return u, nil
}

var errUndecided = damaged("an undecided block in it can't be read")

// Keep makes an undecided consensus block durable, until a block of its height is committed or another one of it is
// kept: of those only also stays. Calls must follow one another; it may run beside Commit.
func (r *Record) Keep(ctx context.Context, id primitives.Hash, u Undecided, also primitives.Hash) error {
	var b database.Batch
	r.kept.forget(&b, func(other primitives.Hash, at uint64) bool {
		return at == u.Height && other != id && other != also
	})
	b.Put(join(keptKey, id[:]), u.encode())
	r.kept.add(id, u.Height) // before it is there: Commit may not miss it
	return r.db.Write(ctx, &b, database.Sync)
}

// Kept is a block that Keep has kept.
func (r *Record) Kept(ctx context.Context, id primitives.Hash) (Undecided, error) {
	b, err := r.db.Get(ctx, join(keptKey, id[:]))
	if err != nil {
		return Undecided{}, err
	}
	return decodeUndecided(b)
}
