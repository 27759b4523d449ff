package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/reevenet/reeve/internal/core/signlog"
)

// Floors says up to where something may have been signed that the log doesn't know.
type Floors struct {
	// Height, if it isn't nil, is the height up to which no block and no vote of any chain is signed.
	Height *uint64
	// Session, if it isn't nil, is the session up to which no statement and no bitfield is signed.
	Session *uint32
}

func (f Floors) empty() bool { return f.Height == nil && f.Session == nil }

// Adopt is the operator's word that nothing else signs with this key and that what was signed lies below the floors:
// the log, where it is now, may be used from now on. A copy keeps what it remembers. In the place of a missing or
// damaged log there will be an empty one, for which there must be floors; the damaged file is kept beside it.
func Adopt(p Place, floors Floors) error {
	if err := p.Disk.MkdirAll(p.Dir, 0o700); err != nil {
		return fmt.Errorf("making the directory of the sign log: %w", err)
	}
	lock, err := take(p)
	if err != nil {
		return err
	}
	f, w, err := adoptable(p, floors)
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	if floors.Height != nil {
		f.Memory.RefuseHeight(*floors.Height)
	}
	if floors.Session != nil {
		f.Memory.RefuseSession(*floors.Session)
	}
	return claim(p, lock, w, f)
}

// adoptable returns the log, or an empty one if there must be a new one, and what the lock says of it. One that the
// lock knows to be incomplete takes floors, too.
func adoptable(p Place, floors Floors) (*signlog.File, *witness, error) {
	f, err := logFor(p, floors)
	if err != nil {
		return nil, nil, err
	}
	w, err := openWitness(p)
	if err != nil {
		return nil, nil, err
	}
	if lacks := w.agrees(p, f); lacks != nil && floors.empty() {
		return nil, nil, errors.Join(fmt.Errorf("%w; say up to which height or session something may have been signed",
			errors.Unwrap(lacks)), w.file.Close())
	}
	return f, w, nil
}

func logFor(p Place, floors Floors) (*signlog.File, error) {
	f, _, err := read(p)
	var damage *signlog.DamageError
	lost := errors.Is(err, fs.ErrNotExist)
	switch {
	case err == nil && f.Header.Key != p.Key:
		return nil, fmt.Errorf("the sign log in %s is of another key (%x…); move it away first", p.Dir,
			f.Header.Key[:4])
	case err == nil:
		return f, nil
	case !lost && !errors.As(err, &damage):
		return nil, err
	case floors.empty() && lost:
		return nil, fmt.Errorf("there is no sign log in %s; say up to which height or session something may have been signed",
			p.Dir)
	case floors.empty():
		return nil, fmt.Errorf("%w; say up to which height or session something may have been signed", err)
	}
	if !lost {
		if err := p.Disk.Rename(p.log(), p.log()+".damaged"); err != nil {
			return nil, fmt.Errorf("putting the damaged sign log aside: %w", err)
		}
	}
	return &signlog.File{Memory: signlog.NewMemory(p.limits())}, nil
}

func claim(p Place, lock io.Closer, w *witness, f *signlog.File) error {
	host, err := hostOf(p)
	if err != nil {
		return errors.Join(err, w.file.Close(), lock.Close())
	}
	j, err := start(p, lock, w, f, host)
	if err != nil {
		return errors.Join(err, w.file.Close(), lock.Close())
	}
	return j.Close()
}
