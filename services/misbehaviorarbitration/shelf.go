package misbehaviorarbitration

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/internal/store/disk"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
)

const (
	// maxEvidence is how many pieces are kept, and ofOffender how many of one validator's doing.
	maxEvidence = 4096
	ofOffender  = 64
)

// shelf is the evidence that is kept: a file for each piece, whose name is its id.
type shelf struct {
	disk  disk.Disk
	dir   string
	byID  map[primitives.Hash]*piece
	order []*piece       // oldest first
	of    map[string]int // pieces by signatory
}

type piece struct {
	*misbehaviorv1.QueryEvidenceResponse
}

// room tells whether there is some for a piece: in all, and of those who are in it.
func (s *shelf) room(e *misbehaviorv1.QueryEvidenceResponse) bool {
	for _, v := range e.GetSignatories() {
		if s.of[string(v.GetValidator().GetPublicKey())] < ofOffender {
			return len(s.order) < maxEvidence
		}
	}
	return false
}

func (s *shelf) add(id primitives.Hash, e *misbehaviorv1.QueryEvidenceResponse) {
	if s.byID[id] != nil {
		return
	}
	p := &piece{e}
	s.byID[id] = p
	at, _ := slices.BinarySearchFunc(s.order, p, func(a, b *piece) int {
		return int(a.GetRecordedMillis() - b.GetRecordedMillis())
	})
	for at < len(s.order) && s.order[at].GetRecordedMillis() == p.GetRecordedMillis() {
		at++
	}
	s.order = slices.Insert(s.order, at, p)
	for _, v := range e.GetSignatories() {
		s.of[string(v.GetValidator().GetPublicKey())]++
	}
}

// write makes a piece durable.
func (s *shelf) write(id primitives.Hash, e *misbehaviorv1.QueryEvidenceResponse) error {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil {
		return err
	}
	if err := s.disk.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return disk.Replace(s.disk, filepath.Join(s.dir, id.String()+offence.Suffix), b, 0o600)
}

// read reads what is kept. A file that doesn't prove anything is left where it is, for a person to look at.
func (s *shelf) read() (found []*misbehaviorv1.QueryEvidenceResponse, err error) {
	names, err := s.disk.List(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, offence.Suffix) {
			continue
		}
		b, err := disk.ReadFile(s.disk, filepath.Join(s.dir, name), offence.MaxFile)
		if err != nil {
			return nil, err
		}
		if e, _, err := offence.Open(b); err == nil {
			found = append(found, e)
		}
	}
	return found, nil
}
