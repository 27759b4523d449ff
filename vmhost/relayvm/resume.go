package relayvm

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// resume reads the states after the last accepted blocks: the last one's, and from there back record by record.
func (h *history) resume(ctx context.Context, db database.Reader, last *kept) error {
	var down []*kept
	at := last
	for {
		r, err := readRecord(ctx, db, at.Height)
		if errors.Is(err, vmsdk.ErrNotFound) {
			break
		}
		if err != nil {
			return err
		}
		at.header = r.header
		down = append(down, at)
		if at.Height == 0 {
			break
		}
		if at, err = at.below(r); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(down) - 1; i >= 0; i-- {
		h.blocks[down[i].ID] = down[i]
		h.accepted = append(h.accepted, down[i].ID)
	}
	return nil
}

// below is the block below one, whose record says what it has changed. Its header comes with its own record.
func (k *kept) below(r record) (*kept, error) {
	w := k.world.child()
	for _, p := range r.Undo {
		if err := w.decode(p); err != nil {
			return nil, err
		}
	}
	return &kept{header: header{Height: k.Height - 1}, world: w, state: k.state}, nil
}

func readRecord(ctx context.Context, db database.Reader, height uint64) (r record, err error) {
	content, err := db.Get(ctx, historyKey(height))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(content, &r); err != nil {
		return r, vmsdk.Corruptf("the record of block %d can't be read: %v", height, err)
	}
	return r, nil
}

// readWorld reads the pieces of the state after the last accepted block.
func readWorld(ctx context.Context, db database.Reader) (*world, error) {
	w := emptyWorld()
	it := db.Iterate(ctx, []byte(keysBegin), database.PrefixEnd([]byte(keysBegin)))
	defer it.Close()
	for it.Next() {
		if err := w.decode(piece{Key: string(it.Key()), Value: append([]byte{}, it.Value()...)}); err != nil {
			return nil, err
		}
	}
	return w, it.Err()
}
