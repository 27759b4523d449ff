package parachecker

import (
	"bytes"
	"slices"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// Duty is something that a validator must be able to read: a candidate's data, or its own chunk.
type Duty struct {
	Validator uint32
	Candidate primitives.Hash
	Data      bool // otherwise the chunk
	Because   Cause
}

// Cause is why.
type Cause uint8

// The causes.
const (
	Bitfield Cause = iota // a bitfield has claimed the chunk: P4
	Acked                 // its availability-store has said that it is stored: P5
	Signed                // it has signed for the candidate, so the data was stored before: P5
)

// String names the invariant that says so.
func (c Cause) String() string {
	if c == Bitfield {
		return "P4"
	}
	return "P5"
}

// duties are what must be readable.
type duties struct {
	open  map[Duty]bool
	order []Duty
	roots map[primitives.Hash]primitives.Hash // by candidate
}

func (d *duties) root(id, root primitives.Hash) {
	if d.roots == nil {
		d.roots = map[primitives.Hash]primitives.Hash{}
	}
	d.roots[id] = root
}

func (c *Checker) owe(d Duty) {
	if !c.duties.open[d] {
		c.duties.open[d] = true
		c.duties.order = append(c.duties.order, d)
	}
}

// Stored takes the word of a validator's availability-store that something is durable.
func (c *Checker) Stored(validator uint32, id primitives.Hash, data bool) {
	if c.cfg.Honest(validator) {
		c.owe(Duty{Validator: validator, Candidate: id, Data: data, Because: Acked})
	}
}

// Due lists what must be readable, from the given one on: as many as there were before.
func (c *Checker) Due(from int) []Duty { return c.duties.order[min(from, len(c.duties.order)):] }

// DueOf lists what must be readable of one validator.
func (c *Checker) DueOf(validator uint32) []Duty {
	return slices.DeleteFunc(slices.Clone(c.duties.order), func(d Duty) bool { return d.Validator != validator })
}

// ReadData takes what was found of a candidate's data where it should be; nil: nothing.
func (c *Checker) ReadData(d Duty, raw []byte) {
	data, err := candidate.DecodeAvailableData(raw)
	if err != nil {
		c.violate(d.Because.String(), "validator %d can't read the data of candidate %s: %v", d.Validator,
			d.Candidate.Short(), err)
		return
	}
	if r := c.fate(d.Candidate).receipt; r != nil {
		if err := data.Check(r.Descriptor); err != nil {
			c.violate(d.Because.String(), "validator %d has other data of candidate %s: %v", d.Validator,
				d.Candidate.Short(), err)
		}
	}
}

// ReadChunk takes what was found of a validator's chunk where it should be; nil: nothing.
func (c *Checker) ReadChunk(d Duty, chunk *erasure.Chunk) {
	f := c.fate(d.Candidate)
	if chunk == nil || chunk.Index != d.Validator {
		c.violate(d.Because.String(), "validator %d can't read its chunk of candidate %s", d.Validator,
			d.Candidate.Short())
		return
	}
	root, known := c.duties.roots[d.Candidate]
	if f.receipt != nil {
		root, known = f.receipt.Descriptor.Collation.ErasureRoot, true
	}
	if coder := c.coder(max(1, f.validators)); known && f.validators > 0 && coder != nil {
		if err := coder.Verify(root, *chunk); err != nil {
			c.violate(d.Because.String(), "validator %d has another chunk of candidate %s: %v", d.Validator,
				d.Candidate.Short(), err)
		}
	}
}

// Recovered takes all chunks of an included candidate that honest validators have: whichever are chosen, if they are
// enough, they make the same data (P6), and that is valid (P7).
func (c *Checker) Recovered(id primitives.Hash, chunks []erasure.Chunk) {
	f := c.fate(id)
	coder := c.coder(max(1, f.validators))
	if f.receipt == nil || coder == nil {
		return
	}
	root := f.receipt.Descriptor.Collation.ErasureRoot
	chunks = slices.DeleteFunc(slices.Clone(chunks), func(chunk erasure.Chunk) bool {
		return coder.Verify(root, chunk) != nil // P4 says whose fault it is
	})
	need := erasure.DataChunks(f.validators)
	if len(chunks) < need {
		c.violate("P6", "candidate %s is included, and honest validators have %d of its chunks; it takes %d",
			id.Short(), len(chunks), need)
		return
	}
	var data []byte
	for _, choice := range choices(chunks, need) {
		var coded erasure.Coded
		if err := coder.Recover(root, choice, &coded); err != nil {
			c.violate("P6", "candidate %s can't be recovered from %d chunks: %v", id.Short(), len(choice), err)
			return
		}
		if data != nil && !bytes.Equal(data, coded.Data()) {
			c.violate("P6", "candidate %s has other data when it is recovered from other chunks", id.Short())
		}
		data = slices.Clone(coded.Data())
	}
	c.revalidate(f, data)
}

// choices are some ways to choose so many chunks: the first, the last, and those between.
func choices(chunks []erasure.Chunk, need int) [][]erasure.Chunk {
	most := len(chunks) - need
	return [][]erasure.Chunk{chunks[:need], chunks[most:], chunks[most/2 : most/2+need]}
}
