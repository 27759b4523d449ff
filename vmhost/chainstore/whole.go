package chainstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/vmhost/database"
)

// DamageError says that the record isn't what was written: something is missing in it, or can't be read as what it is.
// It is no answer to the question whether a block was accepted.
type DamageError struct{ What string }

func (e *DamageError) Error() string { return "the chain's record is damaged: " + e.What }

func damaged(format string, args ...any) error { return &DamageError{fmt.Sprintf(format, args...)} }

// Reload reads where the chain stands: at the beginning, and when the database had a fault, of which nobody knows how
// much of the last commits it has kept. Nobody may commit meanwhile.
func (r *Record) Reload(ctx context.Context) error {
	if db, ok := r.db.(database.Watched); ok {
		db.Resume()
	}
	if err := r.kept.load(ctx, r.db); err != nil {
		return err
	}
	last, err := r.newest(ctx)
	if err != nil {
		return err
	}
	before := r.Last()
	switch {
	case last == nil && before == nil:
		return nil
	case before != nil && (last == nil || last.Height < before.Height):
		return damaged("height %d was durable and isn't there any more", before.Height)
	}
	if err := r.whole(ctx, last); err != nil {
		return err
	}
	r.show(last)
	return nil
}

// newest is the last entry; nil when there is none.
func (r *Record) newest(ctx context.Context) (*Entry, error) {
	b, err := r.db.Get(ctx, lastKey)
	switch {
	case errors.Is(err, database.ErrNotFound):
		return nil, r.none(ctx, heightKey, database.PrefixEnd(heightKey), "it has entries, and the last height is missing")
	case err != nil:
		return nil, err
	case len(b) != 8:
		return nil, damaged("its last height has %d bytes", len(b))
	}
	return r.mustHave(ctx, binary.BigEndian.Uint64(b))
}

// mustHave is an entry whose absence is damage.
func (r *Record) mustHave(ctx context.Context, height uint64) (*Entry, error) {
	e, err := r.stored(ctx, height)
	if errors.Is(err, database.ErrNotFound) {
		return nil, damaged("the entry of height %d is missing", height)
	}
	return e, err
}

// none says what it means that there is a key in a range.
func (r *Record) none(ctx context.Context, start, end []byte, what string) error {
	it := r.db.Iterate(ctx, start, end)
	defer it.Close()
	if it.Next() {
		return damaged("%s", what)
	}
	return it.Err()
}

// checked is how many of the newest entries are looked at when the record is opened.
const checked = 16

// whole looks whether the record is what Commit and Jump make: the genesis entry, and the newest entries one upon the
// other, each under all its names, down to the block of a synced state, below which there is a gap.
func (r *Record) whole(ctx context.Context, last *Entry) error {
	if _, err := r.mustHave(ctx, 0); err != nil {
		return err
	}
	above := binary.BigEndian.AppendUint64(nil, last.Height+1)
	if err := r.none(ctx, join(heightKey, above), database.PrefixEnd(heightKey),
		"it has entries above its last height"); err != nil {
		return err
	}
	for e := last; last.Height-e.Height < checked; {
		if err := r.named(ctx, e); err != nil {
			return err
		}
		if e.Height == 0 || len(e.Consensus) == 0 {
			return nil // what is below the block of a synced state isn't known
		}
		var err error
		if e, err = r.mustHave(ctx, e.Height-1); err != nil {
			return err
		}
	}
	return nil
}

// named looks whether an entry is found by its ids.
func (r *Record) named(ctx context.Context, e *Entry) error {
	for _, key := range [][]byte{join(blockKey, e.BlockID[:]), join(vmKey, e.VMBlock[:])} {
		b, err := r.db.Get(ctx, key)
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return err
		}
		if len(b) != 8 || binary.BigEndian.Uint64(b) != e.Height {
			return damaged("the entry of height %d isn't found by its id", e.Height)
		}
	}
	return nil
}
