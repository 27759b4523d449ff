// Package state is what a chain's blocks change while it isn't decided which of them count. Each block has a State: its
// own changes on top of its parent's, down to the database, which holds what accepted blocks have written. A State also
// has a root: a hash of all entries (package lthash) that costs the same to bring up to date whatever their number.
//
// A block loads the entries that it needs, all at once, and then reads and changes them without touching the database.
// Touching one that isn't loaded is a mistake of the VM's author and panics. The database's entry "r" is this
// package's.
package state

import (
	"bytes"
	"context"
	"fmt"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/lthash"
)

const rootKey = "r"

// State is the entries after a block. It is not for concurrent use.
type State struct {
	db     database.Reader
	parent *State
	// entries are those that the block has loaded. nil: the database has all that the block changed.
	entries map[string]*entry
	changed []*entry // in the order in which they were first changed
	root    lthash.Hash
}

// entry is one entry of the database as the block leaves it. Absent is nil.
type entry struct {
	key     string
	value   []byte
	rooted  []byte // the value that the root counts
	changed bool
}

// New is what the database holds, without its root: the empty state that a genesis block begins with, or one to Read
// from.
func New(db database.Reader) *State { return &State{db: db} }

// Open is the state after the last accepted block, whose root must be this one.
func Open(ctx context.Context, db database.Reader, root [32]byte) (*State, error) {
	content, err := db.Get(ctx, []byte(rootKey))
	if err != nil {
		return nil, fmt.Errorf("the state root can't be read: %w", err)
	}
	stored, err := lthash.From(content)
	if err != nil || stored.Sum() != root {
		return nil, vmsdk.Corruptf("the database isn't at the last accepted block, whose state root is %x", root[:4])
	}
	return &State{db: db, root: *stored}, nil
}

// Child begins the changes of a block on top of s.
func (s *State) Child() *State {
	s.updateRoot()
	return &State{db: s.db, parent: s, entries: make(map[string]*entry), root: s.root}
}

// Load makes entries ready for Get, Put and Delete.
func (s *State) Load(ctx context.Context, keys ...string) error {
	if len(s.entries) == 0 {
		s.entries = make(map[string]*entry, len(keys))
	}
	missing := make([]string, 0, len(keys))
	for _, key := range keys {
		if s.entries[key] == nil {
			s.entries[key] = &entry{key: key}
			missing = append(missing, key)
		}
	}
	values, err := s.parent.Read(ctx, missing)
	for i, value := range values {
		e := s.entries[missing[i]]
		e.value, e.rooted = value, value
	}
	return err
}

// Read is a value per key, nil for what is absent, with at most one read of the database. It changes nothing.
func (s *State) Read(ctx context.Context, keys []string) ([][]byte, error) {
	values := make([][]byte, len(keys))
	var ask [][]byte
	var where []int
	for i, key := range keys {
		if e := s.find(key); e != nil {
			values[i] = e.value
		} else {
			ask, where = append(ask, []byte(key)), append(where, i)
		}
	}
	if len(ask) == 0 {
		return values, nil
	}
	read, err := s.db.GetBatch(ctx, ask)
	for i, value := range read {
		values[where[i]] = value
	}
	return values, err
}

// find is the entry as the nearest undecided block left it, if one has loaded it.
func (s *State) find(key string) *entry {
	for ; s != nil && s.entries != nil; s = s.parent {
		if e := s.entries[key]; e != nil {
			return e
		}
	}
	return nil
}

// Get is the value of a loaded entry, nil when it is absent.
func (s *State) Get(key string) []byte { return s.loaded(key).value }

// Put sets a loaded entry.
func (s *State) Put(key string, value []byte) {
	if value == nil {
		value = []byte{}
	}
	s.set(key, value)
}

// Delete removes a loaded entry, if it is there.
func (s *State) Delete(key string) { s.set(key, nil) }

func (s *State) set(key string, value []byte) {
	e := s.loaded(key)
	if e.value = value; !e.changed {
		e.changed = true
		s.changed = append(s.changed, e)
	}
}

func (s *State) loaded(key string) *entry {
	e := s.entries[key]
	if e == nil {
		panic(fmt.Sprintf("state: the entry %q isn't loaded", key))
	}
	return e
}

// Root is the hash of all entries.
func (s *State) Root() [32]byte {
	s.updateRoot()
	return s.root.Sum()
}

// updateRoot takes each changed entry out of the root as it was, and puts it in as it is.
func (s *State) updateRoot() {
	for _, e := range s.changed {
		if (e.rooted == nil) == (e.value == nil) && bytes.Equal(e.rooted, e.value) {
			continue
		}
		if e.rooted != nil {
			s.root.Remove([]byte(e.key), e.rooted)
		}
		if e.value != nil {
			s.root.Add([]byte(e.key), e.value)
		}
		e.rooted = e.value
	}
}

// Accept writes the changes and the root into the batch of an accepted block. From then on the database has them.
func (s *State) Accept(batch *database.Batch) {
	s.updateRoot()
	for _, e := range s.changed {
		if e.value != nil {
			batch.Put([]byte(e.key), e.value)
		} else {
			batch.Delete([]byte(e.key))
		}
	}
	batch.Put([]byte(rootKey), s.root.Bytes())
	s.parent, s.entries, s.changed = nil, nil, nil
}
