package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signlog"
	"github.com/reevenet/reeve/internal/store/disk"
)

// OperatorError means that nobody but an operator can know whether it is safe to sign.
type OperatorError struct{ Err error }

// Error says what happened and what to do.
func (e *OperatorError) Error() string {
	return e.Err.Error() + "; if you are sure that nothing signs with this key elsewhere, run `reeve keys adopt`"
}

// Unwrap is the cause.
func (e *OperatorError) Unwrap() error { return e.Err }

func operator(format string, args ...any) error { return &OperatorError{fmt.Errorf(format, args...)} }

// ErrExists means that there is a log already.
var ErrExists = errors.New("there is a sign log already")

// Create makes the empty log of a new key. It belongs to no place yet: where it is opened first, there it stays. An
// empty log of a key that was never used is replaced.
func Create(p Place) error {
	if err := p.Disk.MkdirAll(p.Dir, 0o700); err != nil {
		return fmt.Errorf("making the directory of the sign log: %w", err)
	}
	lock, err := take(p)
	if err != nil {
		return err
	}
	defer lock.Close()
	f, _, err := read(p)
	if err == nil && (f.Header.Epoch > 0 || f.Memory.Records() > 0) {
		return fmt.Errorf("%w in %s, with %d signatures of another key; move it away if that key is given up",
			ErrExists, p.Dir, f.Memory.Records())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, _ := signlog.Encode(signlog.Header{Key: p.Key}, signlog.NewMemory(p.limits()))
	return disk.Replace(p.Disk, p.log(), data, fileMode)
}

// Open takes the journal, verifies it, and starts the next epoch. The error is disk.ErrLocked when another process
// holds it, an *OperatorError when the log is missing, damaged, of another key or in another place than before, and any
// other when the disk doesn't do its work now.
func Open(p Place) (*Journal, error) {
	lock, err := take(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(p)
	}
	if err != nil {
		return nil, err
	}
	j, err := open(p, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return j, nil
}

func open(p Place, lock io.Closer) (*Journal, error) {
	w, err := openWitness(p)
	if err != nil {
		return nil, err
	}
	j, err := openSeen(p, lock, w)
	if err != nil {
		return nil, errors.Join(err, w.file.Close())
	}
	return j, nil
}

func openSeen(p Place, lock io.Closer, w *witness) (*Journal, error) {
	// The log that is read may have come to its place without its name being durable, if that sync failed; the witness
	// is about to say what comes after it.
	if err := p.Disk.SyncDir(p.Dir); err != nil {
		return nil, fmt.Errorf("making the name of the sign log durable: %w", err)
	}
	f, data, err := read(p)
	if err != nil {
		return nil, verdict(p, err)
	}
	if f.Header.Key != p.Key {
		return nil, operator("the sign log in %s is of key %x…, not of %x…", p.Dir, f.Header.Key[:4], p.Key[:4])
	}
	host, err := hostOf(p)
	if err != nil {
		return nil, err
	}
	if f.Header.Host != host && f.Header.Host != (primitives.Hash{}) {
		return nil, operator("the sign log in %s is a copy or was restored: something may have been signed that isn't in it",
			p.Dir)
	}
	if err := w.agrees(p, f); err != nil {
		return nil, err
	}
	if err := settle(p, data); err != nil {
		return nil, err
	}
	return start(p, lock, w, f, host)
}

// start writes the file of the next epoch, which is one that no journal here ever had.
func start(p Place, lock io.Closer, w *witness, f *signlog.File, host primitives.Hash) (*Journal, error) {
	j := &Journal{place: p, lock: lock, seen: w, memory: f.Memory, torn: f.Torn}
	j.header = signlog.Header{Epoch: max(f.Header.Epoch, w.known.epoch) + 1, Key: p.Key, Host: host, Chain: f.Tail.Chain}
	err := j.rewrite()
	if err != nil && j.file != nil {
		err = errors.Join(err, j.file.Close())
	}
	if err != nil {
		return nil, err
	}
	return j, nil
}

func take(p Place) (io.Closer, error) {
	lock, err := p.Disk.Lock(p.lock())
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("another keystore holds the sign log in %s; one key has one signer: %w", p.Dir, err)
	}
	return lock, err
}

func read(p Place) (f *signlog.File, data []byte, err error) {
	data, err = disk.ReadFile(p.Disk, p.log(), maxFile)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the sign log: %w", err)
	}
	f, err = signlog.Decode(data, p.limits())
	return f, data, err
}

// settle makes durable what was read, by putting a copy in its place: if a sync failed, the kernel shows what the disk
// doesn't hold, and another sync does nothing about it. The witness is about to say that all of this comes before the
// next file.
func settle(p Place, data []byte) error {
	if err := disk.Replace(p.Disk, p.log(), data, fileMode); err != nil {
		return fmt.Errorf("making the sign log durable: %w", err)
	}
	return nil
}

func missing(p Place) error {
	return operator("the sign log of this key is missing in %s: nobody knows what was signed with it", p.Dir)
}

// verdict tells what only an operator can answer from what may pass.
func verdict(p Place, err error) error {
	var damage *signlog.DamageError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing(p)
	case errors.As(err, &damage):
		return operator("%s: %w", p.log(), err)
	}
	return err
}
