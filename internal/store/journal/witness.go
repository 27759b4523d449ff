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
// would prove nothing but itself. The file has three sectors. Two of them, written in turn and synced, say which file
// is the log: its epoch, and where its chain of hashes begins. The third says up to where that file went when something
// was signed last. It isn't synced, so that it costs a signature nothing: it survives the end of a process, and a power
// cut may lose it, but it never says more than the log holds.
//
// Before a log is replaced the witness says which one comes, and after it that it has come. In between both are the
// log: the old one as it was then, and the new one.
type witness struct {
	file disk.File
	turn uint64
	// known is what the two sectors say; zero: nothing, as versions did that had no witness.
	known point
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
	witnessMagic  = "reevelok"
	witnessSize   = len(witnessMagic) + 8 + 8 + 1 + 32 + 32 + 4
	noteAt        = 2 * witnessSector
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
	if err := w.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the lock of the sign log: %w", err), f.Close())
	}
	// What was read may never have become durable, if a sync failed; and what it is to replace is the other sector.
	if w.turn > 0 {
		if err := w.write(w.turn, w.known); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return w, nil
}

func (w *witness) read() error {
	b := make([]byte, 3*witnessSector)
	n, err := w.file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	b = b[:n]
	for at := 0; at < noteAt && at < n; at += witnessSector {
		if turn, p, _, ok := decodeWitness(b[at:]); ok && turn > w.turn {
			w.turn, w.known, w.end = turn, p, p.base
		}
	}
	if n > noteAt {
		if turn, p, end, ok := decodeWitness(b[noteAt:]); ok && turn == w.turn && p == w.known {
			w.end = end
		}
	}
	return nil
}

// say makes durable which file is the log.
func (w *witness) say(p point) error {
	if err := w.write(w.turn+1, p); err != nil {
		return err
	}
	w.turn++
	w.known, w.end = p, p.base
	return nil
}

// write makes one of the two sectors durable.
func (w *witness) write(turn uint64, p point) error {
	sector := encodeWitness(turn, p, p.base)
	sector = append(sector, make([]byte, witnessSector-len(sector))...)
	if _, err := w.file.WriteAt(sector, int64(turn%2)*witnessSector); err != nil {
		return fmt.Errorf("writing the lock of the sign log: %w", err)
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("making the lock of the sign log durable: %w", err)
	}
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
