package bus

import (
	"crypto/sha256"
	"os"
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/internal/store/blob"
)

// blobSize is that of a large proof of validity.
const blobSize = 5 << 20

// handOver is one node's store as two processes see it, and what a copy would need.
type handOver struct {
	giver, taker *blob.Dir
	payload      []byte
	copied       []byte
	read         byte // so that nothing is optimised away
	dir          string
}

// blobs compares handing over a blob on one machine with copying it in memory, and says what it costs to check it.
func (c *comparison) blobs() ([]bench.Row, error) {
	dir, err := os.MkdirTemp("", "reeve-bench-blobs")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	h := &handOver{payload: randomBytes(blobSize), copied: make([]byte, blobSize), dir: dir}
	if h.giver, err = blob.Open(blob.Config{Dir: dir}); err != nil {
		return nil, err
	}
	c.say("blob", besideBlob)
	results, err := bench.InTurn(c.cfg.Rounds, h.first, h.again, h.copy, h.hash)
	if err != nil {
		return nil, err
	}
	first, again, copied, hashed := results[0], results[1], results[2], results[3]
	return []bench.Row{
		bench.Against("blob of 5 MiB put, got and checked by another, read", "µs", "copies and hashes", bench.Target{},
			first, hashed),
		bench.Against("blob of 5 MiB that was checked before, got and read", "µs", "memory copy", blobCopy, again,
			copied),
	}, nil
}

// first hands over what the taker has never seen.
func (h *handOver) first() (float64, error) {
	h.payload[0]++ // another blob each time
	taker, err := blob.Open(blob.Config{Dir: h.dir})
	if err != nil {
		return 0, err
	}
	h.taker = taker
	began := time.Now()
	ref, err := h.giver.Put("bench", h.payload, time.Minute)
	if err != nil {
		return 0, err
	}
	err = h.get(ref)
	return micros(began), err
}

// again hands over what the taker has checked.
func (h *handOver) again() (float64, error) {
	ref, err := h.giver.Put("bench", h.payload, time.Minute)
	if err != nil {
		return 0, err
	}
	if h.taker == nil { // in a round that begins with this side
		h.taker = h.giver
	}
	if err := h.get(ref); err != nil {
		return 0, err
	}
	began := time.Now()
	err = h.get(ref)
	return micros(began), err
}

func (h *handOver) get(ref blob.Ref) error {
	v, err := h.taker.Get(ref, 0, -1)
	if err != nil {
		return err
	}
	h.touch(v.Bytes())
	return v.Close()
}

// copy is what a hand-over in one process would be.
func (h *handOver) copy() (float64, error) {
	began := time.Now()
	copy(h.copied, h.payload)
	h.touch(h.copied)
	return micros(began), nil
}

// hash is the least that a first hand-over between processes can do: a copy and a hash on each side.
func (h *handOver) hash() (float64, error) {
	began := time.Now()
	for range 2 {
		copy(h.copied, h.payload)
		sum := sha256.Sum256(h.copied)
		h.read ^= sum[0]
	}
	return micros(began), nil
}

// touch reads one byte of every page, as a decoder would at least.
func (h *handOver) touch(b []byte) {
	for i := 0; i < len(b); i += 4096 {
		h.read ^= b[i]
	}
}

func micros(began time.Time) float64 { return float64(time.Since(began)) / float64(time.Microsecond) }
