package signlog

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// File is a file that was read.
type File struct {
	Header Header
	// Memory is what the file remembers.
	Memory *Memory
	// Tail is where its good part ends.
	Tail Tail
	// Torn is how many bytes of an unfinished commit come after the tail.
	Torn int
	// Ends are the ends of the chain after each commit, in their order.
	Ends []primitives.Hash
}

// Decode reads a file. An unfinished commit at its end is left out and reported in Torn; anything else that isn't as it
// was written is a *DamageError, and so is a file whose records contradict each other.
func Decode(data []byte, limits Limits) (*File, error) {
	if len(data) < framesAt {
		return nil, damage(len(data), "it ends within its header")
	}
	header, err := decodeHeader(data[:sector])
	if err != nil {
		return nil, err
	}
	mark, err := decodeMarks(data)
	if err != nil {
		return nil, err
	}
	f := &File{Header: header, Memory: NewMemory(limits), Tail: Tail{Offset: framesAt, Chain: header.Chain}}
	if err := f.frames(data, mark); err != nil {
		return nil, err
	}
	f.Memory.seq = max(f.Memory.seq, header.Records)
	return f, nil
}

func decodeHeader(b []byte) (Header, error) {
	var h Header
	if string(b[:len(fileMagic)]) != fileMagic {
		return h, damage(0, "it doesn't begin as a sign log")
	}
	if sum := binary.BigEndian.Uint32(b[sector-4:]); sum != checksum(b[:sector-4]) {
		return h, damage(0, "the checksum of its header doesn't match")
	}
	b = b[len(fileMagic):]
	if v := binary.BigEndian.Uint32(b); v == 0 || v > fileVersion {
		return h, damage(0, "its version is %d and this program knows those up to %d; use the program that wrote it", v,
			fileVersion)
	}
	h.Witnessed = binary.BigEndian.Uint32(b) >= witnessedVersion
	h.Epoch = binary.BigEndian.Uint64(b[4:])
	h.Key = [32]byte(b[12:44])
	h.Host = primitives.Hash(b[44:76])
	h.Records = binary.BigEndian.Uint64(b[76:])
	h.Chain = primitives.Hash(b[84:116])
	return h, nil
}

// decodeMarks returns the later of the two marks. One of them may be torn.
func decodeMarks(data []byte) (int64, error) {
	best := int64(-1)
	for turn := range 2 {
		at := markAt + turn*sector
		b := data[at : at+sector]
		if checksum([]byte("mark"), b[:8]) != binary.BigEndian.Uint32(b[8:]) {
			continue
		}
		if !allZero(b[12:]) {
			return 0, damage(at, "there is something after the mark")
		}
		best = max(best, int64(binary.BigEndian.Uint64(b)))
	}
	if best < 0 {
		return 0, damage(markAt, "neither of its two marks can be read")
	}
	return best, nil
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

func (f *File) frames(data []byte, mark int64) error {
	marked := f.Tail.Offset == mark
	for f.Tail.Offset < int64(len(data)) {
		body, next, ok := f.Tail.next(data[f.Tail.Offset:])
		if !ok {
			break
		}
		if err := f.items(body); err != nil {
			return err
		}
		f.Tail, f.Ends = next, append(f.Ends, next.Chain)
		marked = marked || next.Offset == mark
	}
	if !marked {
		return damage(int(f.Tail.Offset), "what was durable up to byte %d isn't there", mark)
	}
	return f.torn(data[f.Tail.Offset:])
}

// torn checks that the rest of a file can be one unfinished commit, and the zeros that the next ones are written over.
func (f *File) torn(rest []byte) error {
	f.Torn = len(bytes.TrimRight(rest, "\x00"))
	if f.Torn > frameHeader+maxBody {
		return damage(int(f.Tail.Offset), "%d bytes after it are more than one commit", f.Torn)
	}
	for i := range f.Torn {
		if _, ok := frameIn(rest[i:]); ok {
			return damage(
				int(f.Tail.Offset),
				"a commit doesn't follow from the one before it, or can't be read and has another after it",
			)
		}
	}
	return nil
}

// next reads the frame at the tail.
func (t Tail) next(b []byte) (body []byte, next Tail, ok bool) {
	body, ok = frameIn(b)
	if !ok {
		return nil, t, false
	}
	next = Tail{Offset: t.Offset + int64(frameHeader+len(body)), Chain: primitives.HashOf(t.Chain[:], body)}
	return body, next, primitives.Hash(b[8:40]) == next.Chain
}

// frameIn returns the body of the frame with which b begins, if it begins with a whole one.
func frameIn(b []byte) ([]byte, bool) {
	if len(b) < frameHeader || string(b[:len(frameMagic)]) != frameMagic {
		return nil, false
	}
	size := binary.BigEndian.Uint32(b[4:])
	if size > maxBody || len(b) < frameHeader+int(size) {
		return nil, false
	}
	body := b[frameHeader : frameHeader+int(size)]
	return body, checksum(b[:frameHeader-4], body) == binary.BigEndian.Uint32(b[frameHeader-4:])
}

var errItem = errors.New("an item of a commit makes no sense")

func (f *File) items(body []byte) error {
	r := items{rest: body}
	for len(r.rest) > 0 && r.err == nil {
		switch kind := r.take(1)[0]; kind {
		case itemRecord:
			seq := binary.BigEndian.Uint64(r.take(8))
			r.fail(f.record(Record{Seq: seq, Payload: bytes.Clone(r.take(int(binary.BigEndian.Uint16(r.take(2)))))}))
		case itemBlockFloor:
			c, floor := f.floor(&r)
			f.Memory.raise(&c.blocks, floor)
		case itemVoteFloor:
			c, floor := f.floor(&r)
			f.Memory.raiseBallots(&c.votes, floor)
		case itemSessionFloor:
			f.Memory.RefuseSession(binary.BigEndian.Uint32(r.take(4)))
		case itemHeightFloor:
			f.Memory.RefuseHeight(binary.BigEndian.Uint64(r.take(8)))
		default:
			r.fail(errItem)
		}
	}
	if r.err != nil {
		return damage(int(f.Tail.Offset), "%v", r.err)
	}
	return nil
}

// floor reads the floor of a chain.
func (f *File) floor(r *items) (*chain, position) {
	id := chainID{binary.BigEndian.Uint32(r.take(4)), primitives.Hash(r.take(32))}
	return f.Memory.chain(id), position{binary.BigEndian.Uint64(r.take(8)), binary.BigEndian.Uint64(r.take(8))}
}

// items takes a frame's body apart. After its end it reads zeros and keeps the error.
type items struct {
	rest []byte
	err  error
}

func (r *items) take(n int) []byte {
	if len(r.rest) < n {
		r.fail(errItem)
		r.rest = nil
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *items) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// record remembers a record of the file.
func (f *File) record(rec Record) error {
	m := f.Memory
	if rec.Seq <= m.seq || rec.Seq > f.Header.Records && rec.Seq != max(m.seq, f.Header.Records)+1 {
		return errors.New("the numbers of its records aren't in order")
	}
	p, err := signbytes.Decode(rec.Payload)
	if err != nil {
		return err
	}
	m.seq = rec.Seq
	if m.forgotten(p) {
		return nil
	}
	for _, at := range placesOf(p) {
		if before, taken := m.held[at]; taken {
			return &ConflictError{Before: before, Now: rec.Payload}
		}
	}
	m.insert(p, rec)
	return nil
}
