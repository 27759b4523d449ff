// Package evidence keeps the evidence of a chain in a directory, one file for each fault, so that it outlives the
// process that saw it and a person can look at it. A file is the evidence's encoding and nothing else; its name is the
// id. The store is bounded: one fault per validator and height, and so many in all; when it is full, whoever has the
// most faults in it makes room, so that nobody's faults push out those of others. It doesn't check signatures: only
// what holds is given to it.
package evidence

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/store/disk"
)

// Most is how many faults a store keeps: some 400 KiB.
const Most = 1000

// Suffix ends the names of the files.
const Suffix = ".evidence"

// Store is a directory of evidence. Its methods write and sync, so they belong into an Offload; they may be called by
// any goroutine.
type Store struct {
	disk disk.Disk
	dir  string
	most int

	mu   sync.Mutex
	kept map[fault]primitives.Hash // → id
}

// fault is what a store keeps one piece of evidence for.
type fault struct {
	key    [ed25519.PublicKeySize]byte
	height uint64
}

func faultOf(e *evidence.Evidence) fault {
	return fault{key: [ed25519.PublicKeySize]byte(e.Key()), height: e.Place().Height}
}

// Open reads what is kept in dir, which is made when the first evidence comes, and removes what a crash left half
// written. Files that aren't evidence stay where they are; List names them. A directory has one open Store at a time.
func Open(d disk.Disk, dir string) (*Store, error) {
	s := &Store{disk: d, dir: dir, most: Most, kept: map[fault]primitives.Hash{}}
	files, err := List(d, dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.Err == nil {
			s.kept[faultOf(f.Evidence)] = f.ID
		}
	}
	return s, s.sweep()
}

// sweep removes the files that disk.Replace was writing when something ended.
func (s *Store) sweep() error {
	names, err := s.disk.List(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		if strings.HasSuffix(name, Suffix+disk.TempSuffix) {
			err = errors.Join(err, s.disk.Remove(filepath.Join(s.dir, name)))
		}
	}
	return err
}

// Keep stores evidence that holds, durably. added is false when there was some for the validator and height already, or
// when the store is full of this validator's faults.
func (s *Store) Keep(e *evidence.Evidence) (added bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := faultOf(e)
	if _, known := s.kept[f]; known {
		return false, nil
	}
	for len(s.kept) >= s.most { // more than one too many after a power cut that undid removals
		if room, err := s.makeRoom(f); !room || err != nil {
			return false, err
		}
	}
	if err := s.disk.MkdirAll(s.dir, 0o755); err != nil {
		return false, fmt.Errorf("the directory of evidence can't be made: %w", err)
	}
	if err := disk.Replace(s.disk, s.path(e.ID()), e.Encode(), 0o644); err != nil {
		return false, fmt.Errorf("evidence could not be kept: %w", err)
	}
	s.kept[f] = e.ID()
	return true, nil
}

func (s *Store) path(id primitives.Hash) string { return filepath.Join(s.dir, id.String()+Suffix) }

// makeRoom removes the latest fault of the validator that has the most here; it refuses when whom the new one is
// against has as many.
func (s *Store) makeRoom(comes fault) (bool, error) {
	of := map[[ed25519.PublicKeySize]byte]int{}
	for f := range s.kept {
		of[f.key]++
	}
	var last fault
	for f := range s.kept {
		if cmp.Or(
			cmp.Compare(of[f.key], of[last.key]),
			bytes.Compare(f.key[:], last.key[:]),
			cmp.Compare(f.height, last.height),
		) > 0 {
			last = f
		}
	}
	if of[last.key] <= of[comes.key]+1 {
		return false, nil
	}
	if err := s.disk.Remove(s.path(s.kept[last])); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("older evidence could not be removed: %w", err)
	}
	delete(s.kept, last)
	return true, nil
}

// Len is how many faults are kept.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept)
}

// idIn is the id in a file's name; false for a file that isn't the store's.
func idIn(name string) (id primitives.Hash, ok bool) {
	text, ok := strings.CutSuffix(name, Suffix)
	return id, ok && id.UnmarshalText([]byte(text)) == nil
}
