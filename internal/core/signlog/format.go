package signlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// The file. All numbers are big-endian, all checksums are CRC-32C.
//
//	   0   512  header: "reevelog", version u32, epoch u64, key [32], host [32], records u64, chain [32],
//	            zeros, and in its last 4 bytes the checksum of what precedes them
//	 512   512  mark: durable end u64, checksum u32 of "mark" and the end, zeros
//	1024   512  mark, likewise; the two are written in turn
//	1536        frames
//
// A frame is what one commit made durable: "fram", length of the body u32, chain [32], checksum u32 of all that and the
// body; and the body, which is a sequence of items. chain is SHA-256 of the chain before it and the body, so no frame
// can be taken out, put in or moved. An item is one of
//
//	1  record: number u64, length u16, payload
//	2  floor of a chain's blocks: network u32, chain id [32], height u64, slot u64
//	3  floor of sessions: session u32
//	4  floor of all chains' blocks and votes: height u64
//	5  floor of a chain's votes: network u32, chain id [32], height u64, round << 8 | phase u64; the latest commit
//	   vote for a block at the height of the last vote is remembered, though it may be below
//
// After the frames come zeros, as many as there may be: the next frames are written over them, since a commit that
// changes the size of the file costs the file system more than one that doesn't.
//
// Version 1 has no votes and no item 5, version 2 no zeros and nobody beside it that knows where it ends; they are
// otherwise the same.
//
// A mark says up to where the file is known to be durable. It is written after the sync of that part, and itself
// becomes durable at the latest with the next sync. So a crash can leave at most one frame behind the mark incomplete,
// and its records were never answered for: it is cut off. Anything else that doesn't fit is damage.
const (
	fileMagic   = "reevelog"
	fileVersion = 3
	// witnessedVersion is the first whose end is known elsewhere, too.
	witnessedVersion = 3
	sector           = 512
	markAt           = sector
	framesAt         = 3 * sector

	frameMagic  = "fram"
	frameHeader = len(frameMagic) + 4 + 32 + 4
	// maxBody bounds a frame. A batch of records must stay below it.
	maxBody = 1 << 20
	// snapshotBody is where the frames of a new file are cut.
	snapshotBody = maxBody / 2
)

const (
	itemRecord byte = iota + 1
	itemBlockFloor
	itemSessionFloor
	itemHeightFloor
	itemVoteFloor
)

// MaxBatch is how many records may be committed in one frame.
const MaxBatch = 256

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(parts ...[]byte) uint32 {
	var sum uint32
	for _, p := range parts {
		sum = crc32.Update(sum, castagnoli, p)
	}
	return sum
}

// Header is the beginning of a file.
type Header struct {
	// Epoch is the fencing number: every start of a signer writes a file with the next one.
	Epoch uint64
	// Key is the public key whose signatures are logged.
	Key [32]byte
	// Host stands for the place where the signer last ran; zero if it never ran.
	Host primitives.Hash
	// Records is the number of the last record before the file was written, remembered or not.
	Records uint64
	// Chain is where the chain of hashes goes on from: the end of the file before this one.
	Chain primitives.Hash
	// Witnessed: whoever wrote the file has said elsewhere where it begins. It is read, and always written.
	Witnessed bool
}

func (h Header) encode() []byte {
	b := make([]byte, 0, sector)
	b = append(b, fileMagic...)
	b = binary.BigEndian.AppendUint32(b, fileVersion)
	b = binary.BigEndian.AppendUint64(b, h.Epoch)
	b = append(b, h.Key[:]...)
	b = append(b, h.Host[:]...)
	b = binary.BigEndian.AppendUint64(b, h.Records)
	b = append(b, h.Chain[:]...)
	b = append(b, make([]byte, sector-4-len(b))...)
	return binary.BigEndian.AppendUint32(b, checksum(b))
}

// Tail is where the next frame of a file goes.
type Tail struct {
	Offset int64
	Chain  primitives.Hash
}

// Frame encodes a commit of records, at most MaxBatch, to be written at the tail's offset, and returns the tail after
// it.
func (t Tail) Frame(records []Record) ([]byte, Tail) {
	var body []byte
	for _, r := range records {
		body = appendRecord(body, r)
	}
	return t.frame(body)
}

func (t Tail) frame(body []byte) ([]byte, Tail) {
	next := Tail{Offset: t.Offset + int64(frameHeader+len(body)), Chain: primitives.HashOf(t.Chain[:], body)}
	b := make([]byte, 0, frameHeader+len(body))
	b = append(b, frameMagic...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, next.Chain[:]...)
	b = binary.BigEndian.AppendUint32(b, checksum(b, body))
	return append(b, body...), next
}

// Mark encodes that the file is durable up to the tail, and says where to write it. The turns of a file are counted
// from 0.
func (t Tail) Mark(turn int) (mark []byte, offset int64) {
	mark = binary.BigEndian.AppendUint64(nil, uint64(t.Offset))
	mark = binary.BigEndian.AppendUint32(mark, checksum([]byte("mark"), mark))
	return mark, markAt + int64(turn%2)*sector
}

// Encode makes a whole new file of what is remembered, to be continued at the tail. The header's Records is set from
// the memory.
func Encode(h Header, m *Memory) ([]byte, Tail) {
	h.Records = m.seq
	file := append(h.encode(), make([]byte, 2*sector)...)
	tail := Tail{Offset: framesAt, Chain: h.Chain}
	for _, body := range m.snapshot() {
		var frame []byte
		frame, tail = tail.frame(body)
		file = append(file, frame...)
	}
	for turn := range 2 {
		mark, at := tail.Mark(turn)
		copy(file[at:], mark)
	}
	return file, tail
}

// snapshot encodes what is remembered, in an order that is always the same, in bodies of frames.
func (m *Memory) snapshot() [][]byte {
	items := m.floors()
	for _, r := range m.sorted() {
		items = append(items, appendRecord(nil, r))
	}
	var bodies [][]byte
	var body []byte
	for _, item := range items {
		if len(body)+len(item) > snapshotBody {
			bodies, body = append(bodies, body), nil
		}
		body = append(body, item...)
	}
	if body != nil {
		bodies = append(bodies, body)
	}
	return bodies
}

func (m *Memory) floors() [][]byte {
	var items [][]byte
	for id, c := range m.chains {
		items = appendFloor(items, itemBlockFloor, id, &c.blocks)
		items = appendFloor(items, itemVoteFloor, id, &c.votes.series)
	}
	slices.SortFunc(items, slices.Compare)
	if m.votes.pruned {
		items = append(items, binary.BigEndian.AppendUint32([]byte{itemSessionFloor}, m.votes.floor))
	}
	if m.raised {
		items = append(items, binary.BigEndian.AppendUint64([]byte{itemHeightFloor}, m.height))
	}
	return items
}

func appendFloor(items [][]byte, item byte, id chainID, s *series) [][]byte {
	if !s.pruned {
		return items
	}
	b := binary.BigEndian.AppendUint32([]byte{item}, id.network)
	b = append(b, id.chain[:]...)
	b = binary.BigEndian.AppendUint64(b, s.floor.height)
	return append(items, binary.BigEndian.AppendUint64(b, s.floor.place))
}

// sorted lists the remembered records by number.
func (m *Memory) sorted() []Record {
	records := slices.Clone(m.coll)
	for _, c := range m.chains {
		for _, e := range append(slices.Clip(c.blocks.entries), c.votes.entries...) {
			records = append(records, e.rec)
		}
	}
	for _, s := range m.votes.sessions {
		records = append(records, s...)
	}
	slices.SortFunc(records, func(a, b Record) int { return int(int64(a.Seq - b.Seq)) })
	return records
}

func appendRecord(b []byte, r Record) []byte {
	b = append(b, itemRecord)
	b = binary.BigEndian.AppendUint64(b, r.Seq)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Payload)))
	return append(b, r.Payload...)
}

// DamageError means that a file isn't what a signer wrote: it must not be trusted, and an operator must decide.
type DamageError struct {
	Offset int64
	What   string
}

// Error is a sentence.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the sign log is damaged at byte %d: %s", e.Offset, e.What)
}

func damage(offset int, format string, args ...any) error {
	return &DamageError{Offset: int64(offset), What: fmt.Sprintf(format, args...)}
}
