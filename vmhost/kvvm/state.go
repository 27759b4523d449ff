package kvvm

import (
	"context"
	"encoding/binary"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/lthash"
)

// Keys of the database: a letter, then the key, the public key or the transaction's id.
const (
	valuePrefix = "k"
	noncePrefix = "n"
	txPrefix    = "t"
	rootKey     = "r"
)

// entry is one entry of the database as a block finds it and leaves it. Absent is nil.
type entry struct {
	key           string
	before, value []byte
	changed       bool
}

// changes is what a block has read, and what it changes, in the order they were first touched.
type changes struct {
	entries map[string]*entry
	order   []*entry
	root    lthash.Hash
}

// view is the state after a block that isn't accepted yet, while it is executed: its own changes, its ancestors', then the database.
type view struct{ *changes }

// newView prepares changes on top of parent, with one read of the database for all the keys that the transactions touch.
func newView(ctx context.Context, db database.Reader, parent *block, txs []*Tx) (view, error) {
	v := view{&changes{entries: make(map[string]*entry, 2*len(txs)), root: parent.root}}
	var ask [][]byte
	var asked []*entry
	want := func(key string) {
		if v.entries[key] != nil {
			return
		}
		value, ok := parent.lookUp(key)
		e := &entry{key: key, before: value, value: value}
		v.entries[key] = e
		if !ok {
			ask, asked = append(ask, []byte(key)), append(asked, e)
		}
	}
	for _, tx := range txs {
		want(tx.account)
		want(tx.entry)
	}
	values, err := db.GetBatch(ctx, ask)
	if err != nil {
		return v, err
	}
	for i, e := range asked {
		e.before, e.value = values[i], values[i]
	}
	return v, nil
}

// set changes an entry.
func (v view) set(key string, value []byte) {
	e := v.entries[key]
	if e == nil {
		e = &entry{key: key}
		v.entries[key] = e
	}
	if e.value = value; !e.changed {
		e.changed = true
		v.order = append(v.order, e)
	}
}

// apply does what one transaction says.
func (v view) apply(tx *Tx) error {
	if next := nonceOf(v.entries[tx.account].value); tx.nonce != next {
		return vmsdk.Invalidf("transaction %v has nonce %d, %d is next", tx.id.Short(), tx.nonce, next)
	}
	v.set(tx.account, binary.BigEndian.AppendUint64(nil, tx.nonce+1))
	if tx.Op == Delete {
		v.set(tx.entry, nil)
	} else {
		v.set(tx.entry, tx.Value)
	}
	return nil
}

// finish brings the state root up to date: each touched entry leaves the set as it was and enters it as it is.
func (v view) finish() *changes {
	for _, e := range v.order {
		if e.before != nil {
			v.root.Remove([]byte(e.key), e.before)
		}
		if e.value != nil {
			v.root.Add([]byte(e.key), e.value)
		}
	}
	return v.changes
}

// write puts the changes into the batch of an accepted block.
func (c *changes) write(batch *database.Batch) {
	for _, e := range c.order {
		if e.value != nil {
			batch.Put([]byte(e.key), e.value)
		} else {
			batch.Delete([]byte(e.key))
		}
	}
	batch.Put([]byte(rootKey), c.root.Bytes())
}

// nonceOf reads an account's entry: the nonce that is next, 0 for an account that was never used.
func nonceOf(entry []byte) uint64 {
	if len(entry) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(entry)
}
