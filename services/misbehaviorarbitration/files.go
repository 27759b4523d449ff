package misbehaviorarbitration

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/internal/store/disk"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
)

// files are the evidence on the disk: one for each piece, whose name is its id. Its methods are called away from the
// loop.
type files struct {
	disk disk.Disk
	dir  string
	log  *slog.Logger
}

func (f *files) path(id primitives.Hash) string {
	return filepath.Join(f.dir, id.String()+offence.Suffix)
}

// write makes a piece durable.
func (f *files) write(id primitives.Hash, e *misbehaviorv1.QueryEvidenceResponse) error {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil {
		return err
	}
	if err := f.disk.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	return disk.Replace(f.disk, f.path(id), b, 0o644)
}

// remove removes pieces. What a crash leaves makes room again at the next start.
func (f *files) remove(gone []*piece) (err error) {
	for _, p := range gone {
		if e := f.disk.Remove(f.path(p.id)); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// read reads what is kept, and removes what a crash left half written. A file that proves nothing is left where it is,
// for a person to look at.
func (f *files) read() (found []*piece, err error) {
	names, err := f.disk.List(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		path := filepath.Join(f.dir, name)
		switch {
		case strings.HasSuffix(name, offence.Suffix+disk.TempSuffix):
			err = errors.Join(err, f.disk.Remove(path))
		case strings.HasSuffix(name, offence.Suffix):
			p, why := readPiece(f.disk, path)
			if why != nil {
				f.log.Warn("a file of evidence proves nothing", "file", path, "err", why)
				continue
			}
			found = append(found, p)
		}
	}
	return found, err
}

func readPiece(d disk.Disk, path string) (*piece, error) {
	b, err := disk.ReadFile(d, path, offence.MaxFile)
	if err != nil {
		return nil, err
	}
	e, f, err := offence.Open(b)
	if err != nil {
		return nil, err
	}
	return pieceOf(e, f), nil
}
