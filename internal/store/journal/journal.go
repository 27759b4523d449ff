// Package journal keeps a signlog.Memory on a disk: what it admits is durable before anybody may act on it, or it isn't
// admitted.
//
// One process holds a journal at a time, by a lock on a file beside it and by a fencing number, which every opening
// raises. The lock's file also says which file is the log and how far it went (witness), so that an older one, put back
// by whatever tool, isn't taken for it. After a power cut it may not know the last signatures of an epoch, as it isn't
// synced for each: a copy made in that very epoch, and put back then, passes.
//
// Opening reads and verifies the whole file and then writes it anew: so a commit that a crash tore is gone,
// what is remembered is on the disk even if the last process was deceived by its page cache, and the file doesn't grow
// with its history. When it has grown too far in between, it is written anew likewise.
//
// It fails closed. After the first error of the disk a Journal does nothing any more: what it believes and what the
// disk holds may differ, and only opening it again, with all its checks, tells. What it finds missing, damaged or moved
// it doesn't repair: an operator has to say, with Adopt, from where on it is safe to sign.
package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/signlog"
	"github.com/reevenet/reeve/internal/store/disk"
)

const (
	logName  = "sign.log"
	lockName = "sign.lock"

	fileMode fs.FileMode = 0o600

	// maxFile is far more than the limits of a memory let a file grow to.
	maxFile = 512 << 20
	// minCompact is the size below which a file isn't written anew.
	minCompact = 4 << 20
	// ahead is how many zeros are written where the next commits will be: syncing them then takes a quarter less.
	ahead = 64 << 10
)

// Place says where a journal is and whose it is.
type Place struct {
	Disk disk.Disk
	// Dir holds the log and its lock.
	Dir string
	// Key is the public key whose signatures are logged.
	Key [32]byte
	// Limits bounds what is remembered; zero means signlog.DefaultLimits.
	Limits signlog.Limits
	// CompactAt is the size in bytes from which on the file is written anew; zero means a sensible one.
	CompactAt int64
}

func (p Place) log() string  { return filepath.Join(p.Dir, logName) }
func (p Place) lock() string { return filepath.Join(p.Dir, lockName) }

func (p Place) limits() signlog.Limits {
	if p.Limits == (signlog.Limits{}) {
		return signlog.DefaultLimits
	}
	return p.Limits
}

// Journal is an open journal. It isn't safe for concurrent use.
type Journal struct {
	place  Place
	lock   io.Closer
	seen   *witness
	file   disk.File
	size   int64 // of the file
	memory *signlog.Memory
	header signlog.Header
	tail   signlog.Tail
	turn   int
	// identity is that of the file, which nobody else may replace.
	identity  string
	compactAt int64
	torn      int
	warning   error
	dead      error
}

// Outcome is what a journal decided about one payload.
type Outcome struct {
	// Record is what is now durable, when Err is nil.
	Record signlog.Record
	// Err is why the payload is refused: an error of signlog.Memory.Admit.
	Err error
}

// Commit decides about the payloads, at most signlog.MaxBatch, in their order, and makes all that it admits durable
// with one sync. When the error isn't nil nothing of it may be signed, and the journal must be closed and opened again.
func (j *Journal) Commit(payloads []signbytes.Payload) ([]Outcome, error) {
	if j.dead != nil {
		return nil, j.dead
	}
	if len(payloads) > signlog.MaxBatch {
		return nil, fmt.Errorf("%d payloads in a batch, at most %d are possible", len(payloads), signlog.MaxBatch)
	}
	outcomes := make([]Outcome, len(payloads))
	var added []signlog.Record
	for i, p := range payloads {
		rec, isNew, err := j.memory.Admit(p)
		outcomes[i] = Outcome{rec, err}
		if isNew {
			added = append(added, rec)
		}
	}
	if err := j.persist(added); err != nil {
		j.dead = err
		return nil, err
	}
	return outcomes, nil
}

// persist makes records durable and then says so in a mark.
func (j *Journal) persist(records []signlog.Record) error {
	if len(records) == 0 {
		return nil
	}
	frame, next := j.tail.Frame(records)
	if next.Offset > j.size {
		frame = append(frame, make([]byte, ahead)...)
		j.size = next.Offset + ahead
	}
	if _, err := j.file.WriteAt(frame, j.tail.Offset); err != nil {
		return fmt.Errorf("writing the sign log: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("making the sign log durable: %w", err)
	}
	j.tail = next
	if err := j.fence(); err != nil {
		return err
	}
	mark, at := next.Mark(j.turn)
	j.turn++
	if _, err := j.file.WriteAt(mark, at); err != nil {
		return fmt.Errorf("marking the sign log: %w", err)
	}
	if err := j.seen.note(next.Chain); err != nil {
		return err
	}
	return j.compact()
}

// fence notices another signer that the lock didn't keep out: on a file system without working locks, say.
func (j *Journal) fence() error {
	size, err := j.file.Size()
	if err != nil {
		return fmt.Errorf("checking the sign log: %w", err)
	}
	info, err := j.place.Disk.Stat(j.place.log())
	if err != nil {
		return fmt.Errorf("checking the sign log: %w", err)
	}
	if size != j.size || info.Identity != j.identity {
		return fmt.Errorf("somebody else has written %s while this signer held it; stop one of the two", j.place.log())
	}
	return nil
}

// compact writes the file anew when it has grown too far. If that fails before anything has changed, the old file goes
// on.
func (j *Journal) compact() error {
	if j.tail.Offset < j.compactAt {
		return nil
	}
	before, end, base := j.seen.known, j.seen.end, j.header.Chain
	j.header.Chain = j.tail.Chain
	err := j.rewrite()
	var renamed *disk.RenamedError
	if err == nil || errors.As(err, &renamed) {
		return err
	}
	j.header.Chain = base
	if err := errors.Join(j.seen.say(before), j.seen.note(end)); err != nil {
		return err
	}
	j.warning = fmt.Errorf("making the sign log shorter: %w", err)
	j.compactAt = j.tail.Offset + minCompact
	return nil
}

// rewrite puts a new file, with the header and what is remembered, in the place of the old one. The witness knows it
// before it is there.
func (j *Journal) rewrite() error {
	data, tail := signlog.Encode(j.header, j.memory)
	data = append(data, make([]byte, ahead)...)
	comes := point{epoch: j.header.Epoch, base: j.header.Chain}
	if err := j.seen.say(comes); err != nil {
		return err
	}
	f, err := disk.ReplaceOpen(j.place.Disk, j.place.log(), data, fileMode)
	if err != nil {
		return fmt.Errorf("writing a new sign log: %w", err)
	}
	if j.file != nil {
		_ = j.file.Close() // all that was in it is in the new one, durably
	}
	j.file, j.size, j.tail, j.turn = f, int64(len(data)), tail, 0
	comes.begun = true
	if err := j.seen.say(comes); err != nil {
		return &disk.RenamedError{Err: err}
	}
	info, err := j.place.Disk.Stat(j.place.log())
	if err != nil {
		return &disk.RenamedError{Err: fmt.Errorf("checking the new sign log: %w", err)}
	}
	j.identity = info.Identity
	j.compactAt = max(j.place.CompactAt, 2*tail.Offset)
	if j.place.CompactAt == 0 {
		j.compactAt = max(minCompact, 4*tail.Offset)
	}
	return nil
}

// Ballots lists what the key has voted last on a chain, as signlog.Memory.Ballots does. All of it is durable. The error
// is that with which the journal ended.
func (j *Journal) Ballots(network uint32, chain primitives.Hash) (height uint64, votes []signlog.Record, err error) {
	if j.dead != nil {
		return 0, nil, j.dead
	}
	height, votes = j.memory.Ballots(network, chain)
	return height, votes, nil
}

// Close gives the journal up. Everything that was committed is durable already; only the last mark isn't, and what the
// witness has noted.
func (j *Journal) Close() error {
	var err error
	if j.dead == nil {
		err = errors.Join(j.file.Sync(), j.seen.file.Sync())
	}
	j.dead = errors.New("the sign log is closed")
	return errors.Join(err, j.file.Close(), j.seen.file.Close(), j.lock.Close())
}

// Stats describes a journal.
type Stats struct {
	// Records there ever were, and those that are still remembered.
	Records, Remembered uint64
	// Epoch is the fencing number.
	Epoch uint64
	// Bytes is the size of the file.
	Bytes int64
	// Torn is the length of the unfinished commit that opening cut off.
	Torn int
	// Warning is something that an operator should know and that stops nothing.
	Warning error
	// Turns is where the key has voted last on each chain.
	Turns []signlog.Turn
}

// Stats describes the journal as it is.
func (j *Journal) Stats() Stats {
	return Stats{
		Records: j.memory.Records(), Remembered: uint64(j.memory.Remembered()), Epoch: j.header.Epoch,
		Bytes: j.tail.Offset, Torn: j.torn, Warning: j.warning, Turns: j.memory.Turns(),
	}
}

// hostOf stands for the very place where a journal is: the lock's file, which is made once and never replaced. A copy
// of the directory has another, on this machine or any other.
func hostOf(p Place) (primitives.Hash, error) {
	info, err := p.Disk.Stat(p.lock())
	if err != nil {
		return primitives.Hash{}, fmt.Errorf("looking at the lock of the sign log: %w", err)
	}
	return primitives.HashOf([]byte("reeve/signlog/host/"), []byte(info.Identity)), nil
}
