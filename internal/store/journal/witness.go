package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signlog"
	"github.com/reevenet/reeve/internal/store/disk"
)

// witness is what the lock's file says of the log beside it: the log could be put back in its place by any tool, and
// would prove nothing but itself. The file has four sectors. Three of them, written in turn and synced, say which file
// is the log: its epoch, and where its chain of hashes begins. The last says up to where that file went when something
// was signed last. It isn't synced, so that it costs a signature nothing: it survives the end of a process, and a power
// cut may lose it, but it never says more than the log holds.
//
// After a sync that failed, what is read may not be on the disk, and what a write that isn't synced goes over may be
// lost. So opening says again what it has read, over none of those that may be the only durable one.
//
// Before a log is replaced the witness says which one comes, and after it that it has come. In between both are the
// log: the old one as it was then, and the new one.
type witness struct {
	file disk.File
	turn uint64
	// known is what the sectors say; zero: nothing, as versions did that had no witness.
	known point
	// safe is the sector that surely says so.
	safe int
	// end is where the log ended when something was signed last.
	end primitives.Hash
}

// point is a file of the log: the epoch, and where its chain begins.
type point struct {
	epoch uint64
	base  primitives.Hash
	begun bool // it is in its place
}

const (
	witnessSector = 512
	sectors       = 3
	witnessMagic  = "reevelok"
	witnessSize   = len(witnessMagic) + 8 + 8 + 1 + 32 + 32 + 4
	noteAt        = sectors * witnessSector
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeWitness(turn uint64, p point, end primitives.Hash) []byte {
	b := binary.BigEndian.AppendUint64([]byte(witnessMagic), turn)
	b = binary.BigEndian.AppendUint64(b, p.epoch)
	begun := byte(0)
	if p.begun {
		begun = 1
	}
	b = append(append(append(b, begun), p.base[:]...), end[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeWitness(b []byte) (turn uint64, p point, end primitives.Hash, ok bool) {
	if len(b) < witnessSize || string(b[:len(witnessMagic)]) != witnessMagic {
		return 0, p, end, false
	}
	b = b[:witnessSize]
	if crc32.Checksum(b[:witnessSize-4], castagnoli) != binary.BigEndian.Uint32(b[witnessSize-4:]) {
		return 0, p, end, false
	}
	b = b[len(witnessMagic):]
	p = point{binary.BigEndian.Uint64(b[8:]), primitives.Hash(b[17:49]), b[16] == 1}
	return binary.BigEndian.Uint64(b), p, primitives.Hash(b[49:81]), true
}

// openWitness reads the lock's file, which is locked.
func openWitness(p Place) (*witness, error) {
	f, err := p.Disk.OpenWrite(p.lock())
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the sign log: %w", err)
	}
	w := &witness{file: f}
	free, err := w.read()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading the lock of the sign log: %w", err), f.Close())
	}
	if w.turn > 0 {
		if err := w.write(free, w.known); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return w, nil
}

// read reads what the file says, and finds a sector that may be written over.
func (w *witness) read() (free int, err error) {
	b := make([]byte, noteAt+witnessSector)
	n, err := w.file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	var turns [sectors]uint64
	var points [sectors]point
	for i := range sectors {
		if turn, p, _, ok := decodeWitness(b[min(n, i*witnessSector):n]); ok {
			turns[i], points[i] = turn, p
			if turn > w.turn {
				w.turn, w.known, w.end = turn, p, p.base
			}
		}
	}
	if _, p, end, ok := decodeWitness(b[min(n, noteAt):n]); ok && p == w.known {
		w.end = end
	}
	return spare(w.known, turns, points), nil
}

// spare is a sector that may be written over: neither the first that says what is known, nor the last that says what
// was known before. A turn of 0 is a sector that says nothing.
func spare(known point, turns [sectors]uint64, points [sectors]point) (free int) {
	first, before := -1, -1
	for i, p := range points {
		switch {
		case turns[i] == 0:
		case p == known && (first < 0 || turns[i] < turns[first]):
			first = i
		case p != known && (before < 0 || turns[i] > turns[before]):
			before = i
		}
	}
	for free == first || free == before {
		free++
	}
	return free
}

// say makes durable which file is the log.
func (w *witness) say(p point) error {
	if err := w.write((w.safe+1)%sectors, p); err != nil {
		return err
	}
	w.known, w.end = p, p.base
	return nil
}

// write makes a sector durable.
func (w *witness) write(at int, p point) error {
	sector := encodeWitness(w.turn+1, p, p.base)
	sector = append(sector, make([]byte, witnessSector-len(sector))...)
	if _, err := w.file.WriteAt(sector, int64(at)*witnessSector); err != nil {
		return fmt.Errorf("writing the lock of the sign log: %w", err)
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("making the lock of the sign log durable: %w", err)
	}
	w.turn++
	w.safe = at
	return nil
}

// note says up to where the log goes, without a sync.
func (w *witness) note(end primitives.Hash) error {
	if _, err := w.file.WriteAt(encodeWitness(w.turn, w.known, end), noteAt); err != nil {
		return fmt.Errorf("noting the end of the sign log: %w", err)
	}
	w.end = end
	return nil
}

// agrees looks whether a log is the one that the witness knows, and whether all is in it.
func (w *witness) agrees(p Place, f *signlog.File) error {
	h := f.Header
	switch is := (point{h.Epoch, h.Chain, w.known.begun}) == w.known; {
	case w.known == point{} && (!h.Witnessed || h.Epoch == 0):
		return nil // a version without a witness has written it, or nobody has used it
	case w.known == point{}:
		return operator("the lock beside the sign log in %s doesn't say any more what was signed", p.Dir)
	case is && (w.end == w.known.base || slices.Contains(f.Ends, w.end)):
		return nil
	case !w.known.begun && f.Tail.Chain == w.known.base:
		return nil // the next one was about to be written
	}
	return operator("the sign log in %s is an older one that was put back: epoch %d with %d records, and the lock beside "+
		"it knows of signatures in epoch %d that aren't in it", p.Dir, h.Epoch, f.Memory.Records(), w.known.epoch)
}
