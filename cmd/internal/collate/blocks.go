package collate

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/collator/ledger"
	"github.com/reevenet/reeve/services/collator/para"
)

// Block is what has become of one. Its times are since it was handed in; zero: it hasn't come so far.
type Block struct {
	Number    uint64
	Transfers int

	Seconded, Backed, Included, Final time.Duration
	In                                uint64 // the relay chain's block that has included it
	// Refused is why it goes no further, and After when that was; nil: nobody has refused it.
	Refused *primitivesv1.CollationRefused
	After   time.Duration

	submitted time.Time
}

// Stats are counts since the process began.
type Stats struct {
	Built, Backed, Included, Final, Refused int
	Transfers                               int // in included blocks
}

// Submitted is para.Observer: it notes a block's name.
func (c *Chain) Submitted(candidate []byte, b *para.Block) {
	id, err := primitives.HashFrom(candidate)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underWay[id], c.latest = c.describe(b), append(c.latest, id)
	if len(c.latest) > maxUnderWay {
		delete(c.underWay, c.latest[0])
		c.latest = c.latest[1:]
	}
}

// describe reads what was built here.
func (c *Chain) describe(b *para.Block) *Block {
	d := &Block{submitted: c.Now()}
	if head, err := ledger.DecodeHead(b.Head); err == nil {
		d.Number = head.Number
	}
	if proof, err := ledger.DecodeProof(b.PoV); err == nil {
		d.Transfers = len(proof.Transfers)
	}
	return d
}

// NotTaken is para.RefusalObserver.
func (c *Chain) NotTaken(b *para.Block, why *primitivesv1.CollationRefused) {
	c.mu.Lock()
	d := c.describe(b)
	c.mu.Unlock()
	c.end(d, func() { d.Refused = why })
}

// Became is para.Observer. A block of which another process of ours was told the name isn't known here.
func (c *Chain) Became(candidate []byte, status *primitivesv1.CollationStatus) {
	b := c.find(candidate)
	if b == nil {
		return
	}
	if why := status.GetRefused(); why != nil {
		c.end(b, func() { b.Refused = why })
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	since := c.Now().Sub(b.submitted)
	switch k := status.GetKind().(type) {
	case *primitivesv1.CollationStatus_Seconded:
		b.Seconded = since
	case *primitivesv1.CollationStatus_Backed:
		b.Backed = since
		c.stats.Backed++
	case *primitivesv1.CollationStatus_Included:
		b.Included, b.In = since, k.Included.GetNumber()
		c.stats.Included++
		c.stats.Transfers += b.Transfers
	}
}

// Final is para.FinalityObserver.
func (c *Chain) Final(candidate []byte) {
	if b := c.find(candidate); b != nil {
		c.end(b, func() { b.Final = c.Now().Sub(b.submitted) })
	}
}

func (c *Chain) find(candidate []byte) *Block {
	id, _ := primitives.HashFrom(candidate)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.underWay[id]
}

// end counts a block that has come to its end, and tells.
func (c *Chain) end(b *Block, how func()) {
	c.mu.Lock()
	b.After = c.Now().Sub(b.submitted)
	if how(); b.Refused != nil {
		c.stats.Refused++
	} else {
		c.stats.Final++
	}
	told := *b
	c.mu.Unlock()
	if c.Told != nil {
		c.Told(told)
	}
}

// Stats are the counts until now.
func (c *Chain) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}
