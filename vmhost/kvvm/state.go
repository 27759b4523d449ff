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

// changes is what a block changes: entries of the database, in the order they were first touched. Absent is nil.
type changes struct {
	entries map[string][]byte
	before  map[string][]byte
	order   []string
	root    lthash.Hash
}

// view reads the state after a block that isn't accepted yet: its own changes, its ancestors', then the database.
type view struct {
	db      database.Reader
	parent  *block
	read    map[string][]byte
	changes *changes
}

// newView prepares changes on top of parent, with one read of the database for all the keys that the transactions touch.
func newView(ctx context.Context, db database.Reader, parent *block, txs []*Tx) (*view, error) {
	v := &view{db: db, parent: parent, read: make(map[string][]byte, 2*len(txs))}
	v.changes = &changes{entries: make(map[string][]byte, 2*len(txs)), before: make(map[string][]byte, 2*len(txs)), root: parent.root}
	var ask [][]byte
	want := func(key string) {
		if _, ok := v.read[key]; ok {
			return
		}
		value, ok := parent.lookUp(key)
		v.read[key] = value
		if !ok {
			ask = append(ask, []byte(key))
		}
	}
	for _, tx := range txs {
		want(noncePrefix + tx.sender)
		want(valuePrefix + string(tx.Key))
	}
	values, err := db.GetBatch(ctx, ask)
	if err != nil {
		return nil, err
	}
	for i, key := range ask {
		v.read[string(key)] = values[i]
	}
	return v, nil
}

func (v *view) get(key string) []byte {
	if value, ok := v.changes.entries[key]; ok {
		return value
	}
	return v.read[key]
}

func (v *view) set(key string, value []byte) {
	if _, touched := v.changes.entries[key]; !touched {
		v.changes.before[key] = v.read[key]
		v.changes.order = append(v.changes.order, key)
	}
	v.changes.entries[key] = value
}

// apply does what one transaction says.
func (v *view) apply(tx *Tx) error {
	account := noncePrefix + tx.sender
	if next := nonceOf(v.get(account)); tx.nonce != next {
		return vmsdk.Invalidf("transaction %v has nonce %d, %d is next", tx.id.Short(), tx.nonce, next)
	}
	v.set(account, binary.BigEndian.AppendUint64(nil, tx.nonce+1))
	if tx.Op == Delete {
		v.set(valuePrefix+string(tx.Key), nil)
	} else {
		v.set(valuePrefix+string(tx.Key), tx.Value)
	}
	return nil
}

// finish brings the state root up to date: each touched entry leaves the set as it was and enters it as it is.
func (v *view) finish() *changes {
	c := v.changes
	for _, key := range c.order {
		if old := c.before[key]; old != nil {
			c.root.Remove([]byte(key), old)
		}
		if value := c.entries[key]; value != nil {
			c.root.Add([]byte(key), value)
		}
	}
	c.before = nil
	return c
}

// write puts the changes into the batch of an accepted block.
func (c *changes) write(batch *database.Batch) {
	for _, key := range c.order {
		if value := c.entries[key]; value != nil {
			batch.Put([]byte(key), value)
		} else {
			batch.Delete([]byte(key))
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
