package parachain

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/services/availabilitystore"
)

// Where a node's availability-store keeps its things.
const (
	shelfDir  = "/availability"
	shelfFile = shelfDir + "/log"
)

// shelf is the disk of one node's availability-store, over all starts of its process: a log of batches, of which only
// whole ones count. A real one is an embedded store, which works in the background and at its own pace.
type shelf struct {
	node *sim.Node
	read *contents // what was found last; nil: it has to be read anew
}

// contents are what a log's batches have made.
type contents struct {
	parts map[string][]byte // by availabilitystore.Key
	age   time.Duration
	size  int64 // of the whole batches
}

// Kinds of parts, and of what is done to them.
const (
	kindData   = 'd'
	kindChunk  = 'c'
	kindRecord = 'r'
	dropped    = 'x'
)

// entryHead is the length of a batch's payload in 4 bytes, and its hash.
const entryHead = 4 + sha256.Size

// extend reads the batches of a log's end: what is behind those that were read.
func (c *contents) extend(rest []byte) {
	for len(rest) >= entryHead {
		size := binary.BigEndian.Uint32(rest)
		if uint64(len(rest)) < entryHead+uint64(size) {
			return
		}
		payload := rest[entryHead : entryHead+size]
		if sum := sha256.Sum256(payload); !bytes.Equal(sum[:], rest[4:entryHead]) {
			return
		}
		c.apply(payload)
		c.size += entryHead + int64(size)
		rest = rest[entryHead+size:]
	}
}

// apply performs one batch: the age, and then actions, each with its key and what belongs there.
func (c *contents) apply(b []byte) {
	c.age = time.Duration(binary.BigEndian.Uint64(b))
	for b = b[8:]; len(b) > 0; {
		key, size := string(b[:keySize]), binary.BigEndian.Uint32(b[keySize:])
		value := b[keySize+4 : keySize+4+size]
		b = b[keySize+4+size:]
		if key[0] != dropped {
			c.parts[key] = value
			continue
		}
		id := key[1 : 1+primitives.HashSize]
		maps.DeleteFunc(c.parts, func(k string, _ []byte) bool { return k[1:1+primitives.HashSize] == id })
	}
}

// keySize is the length of a key.
const keySize = 1 + primitives.HashSize + 4

// encode is a batch as it lies in the log.
func encode(works []availabilitystore.Work) []byte {
	payload := binary.BigEndian.AppendUint64(nil, uint64(works[len(works)-1].Age))
	put := func(kind byte, id primitives.Hash, v uint32, value []byte) {
		payload = append(payload, availabilitystore.Key(kind, id, v)...)
		payload = binary.BigEndian.AppendUint32(payload, uint32(len(value)))
		payload = append(payload, value...)
	}
	for _, w := range works {
		for _, a := range w.Actions {
			switch a := a.(type) {
			case availability.Put:
				if a.Data {
					put(kindData, a.Candidate, 0, w.Data)
				}
				for _, v := range a.Chunks {
					put(kindChunk, a.Candidate, v, w.Chunk(v))
				}
			case availability.Write:
				put(kindRecord, a.Record.Candidate, 0, a.Record.Encode())
			case availability.Drop:
				put(dropped, a.Candidate, 0, nil)
			}
		}
	}
	sum := sha256.Sum256(payload)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), sum[:]...), payload...)
}

// now is what is on the disk, for who looks at it from outside. There was nothing before the first start.
func (s *shelf) now() *contents {
	if s.read == nil {
		s.read = &contents{parts: map[string][]byte{}}
	}
	f, err := s.node.Disk.Process().Open(shelfFile)
	if err != nil {
		return s.read
	}
	defer f.Close()
	size, err := f.Size()
	rest := make([]byte, max(0, size-s.read.size))
	if n, _ := f.ReadAt(rest, s.read.size); err == nil && n == len(rest) {
		s.read.extend(rest)
	}
	return s.read
}

// maxLog is longer than any run makes one.
const maxLog = 1 << 30

func (c *contents) data(id primitives.Hash) []byte {
	return c.parts[string(availabilitystore.Key(kindData, id, 0))]
}

// chunk is one as availability-store keeps it: the number of hashes of its proof, these, and its bytes.
func (c *contents) chunk(id primitives.Hash, v uint32) *erasure.Chunk {
	b := c.parts[string(availabilitystore.Key(kindChunk, id, v))]
	if len(b) == 0 || len(b) < 1+int(b[0])*primitives.HashSize {
		return nil
	}
	chunk := &erasure.Chunk{Index: v}
	n := int(b[0])
	for b = b[1:]; n > 0; n-- {
		chunk.Proof = append(chunk.Proof, primitives.Hash(b[:primitives.HashSize]))
		b = b[primitives.HashSize:]
	}
	chunk.Bytes = b
	return chunk
}

// open opens the disk for one start of the store's process. What a crash has left of a batch is cut off.
func (s *shelf) open(d disk.Disk, stored func(id primitives.Hash, data bool)) (availabilitystore.Disk, error) {
	s.read = nil
	o := &opened{disk: d, contents: contents{parts: map[string][]byte{}}, stored: stored}
	if err := d.MkdirAll(shelfDir, 0o700); err != nil {
		return nil, err
	}
	log, err := disk.ReadFile(d, shelfFile, maxLog)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	o.extend(log)
	// After a failed sync what can be read needn't be on the disk, so it is written anew.
	o.file, err = disk.ReplaceOpen(d, shelfFile, log[:o.size], 0o600)
	return o, err
}

// opened is the port of one start.
type opened struct {
	contents
	disk   disk.Disk
	file   disk.File
	stored func(id primitives.Hash, data bool)
}

var errClosed = errors.New("the log is closed")

func (o *opened) Load() (records []availability.Record, age time.Duration, err error) {
	for _, key := range slices.Sorted(maps.Keys(o.parts)) {
		if key[0] != kindRecord {
			continue
		}
		r, err := availability.DecodeRecord(primitives.Hash([]byte(key[1:1+primitives.HashSize])), o.parts[key])
		if err != nil {
			return nil, 0, err
		}
		records = append(records, r)
	}
	return records, o.age, nil
}

// Write appends the batches and syncs. After an error nobody knows what is behind the last whole batch: the log has to
// be opened anew.
func (o *opened) Write(works []availabilitystore.Work) error {
	if o.file == nil {
		return errClosed
	}
	entry := encode(works)
	_, err := o.file.WriteAt(entry, o.size)
	if err == nil {
		err = o.file.Sync()
	}
	if err != nil {
		return errors.Join(err, o.Close())
	}
	o.apply(entry[entryHead:])
	o.size += int64(len(entry))
	for _, w := range works {
		for _, a := range w.Actions {
			if put, is := a.(availability.Put); is {
				o.stored(put.Candidate, put.Data)
			}
		}
	}
	return nil
}

func (o *opened) Data(id primitives.Hash) ([]byte, error) { return o.data(id), nil }

func (o *opened) Chunk(id primitives.Hash, v uint32) ([]byte, error) {
	return o.parts[string(availabilitystore.Key(kindChunk, id, v))], nil
}

// Room: there is always some. What a store does without is its own test's business.
func (o *opened) Room() (uint64, error) { return 1 << 40, nil }

func (o *opened) Close() error {
	if o.file == nil {
		return errClosed
	}
	f := o.file
	o.file = nil
	return f.Close()
}
