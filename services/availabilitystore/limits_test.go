package availabilitystore

import (
	"fmt"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

func TestWhatWaitsToBeEncodedIsBounded(t *testing.T) {
	e, began := &encoder{}, 0
	for range maxEncoding + maxToEncode {
		if !e.add(func() { began++ }) {
			t.Fatal("it was refused")
		}
	}
	if e.add(func() { began++ }) || began != maxEncoding {
		t.Errorf("one more was taken, or %d are under way", began)
	}
	for range maxEncoding + maxToEncode {
		e.done()
	}
	if began != maxEncoding+maxToEncode || e.running != 0 {
		t.Errorf("%d were encoded, %d are under way", began, e.running)
	}
}

func TestTheCodersThatAreHeldAreBounded(t *testing.T) {
	e := &encoder{}
	for n := range 2*maxCoders + 1 {
		c, err := erasure.New(erasure.CodecFor(n+1), n+1)
		if err != nil {
			t.Fatal(err)
		}
		if e.keep(c); len(e.coders) > maxCoders || e.coders[n+1] != c {
			t.Fatalf("%d coders are held", len(e.coders))
		}
	}
}

func TestBlocksThatAreRememberedAsLookedAtAreBounded(t *testing.T) {
	c := &chain{seen: map[primitives.Hash]bool{}}
	name := func(n int) primitives.Hash { return primitives.HashOf(fmt.Appendf(nil, "block %d", n)) }
	for n := range maxSeen + 100 {
		c.remember(task{hash: name(n), number: uint64(n)})
	}
	if len(c.seen) != maxSeen || len(c.order) != maxSeen || c.seen[name(99)] || !c.seen[name(100)] {
		t.Errorf("%d blocks are remembered, %d in order", len(c.seen), len(c.order))
	}
}

// nowhere is a disk that keeps nothing.
type nowhere struct{}

func (nowhere) Load() ([]availability.Record, time.Duration, error) { return nil, 0, nil }
func (nowhere) Write([]Work) error                                  { return nil }
func (nowhere) Data(primitives.Hash) ([]byte, error)                { return nil, nil }
func (nowhere) Chunk(primitives.Hash, uint32) ([]byte, error)       { return nil, nil }
func (nowhere) Room() (uint64, error)                               { return 1 << 40, nil }
func (nowhere) Close() error                                        { return nil }

func TestChunksThatWaitForTheDiskAreBounded(t *testing.T) {
	o := overseertest.Start(t, Spec(Config{Chain: "relay", Open: func() (Disk, error) { return nowhere{}, nil }}))
	s, id := o.Handler().(*store), primitives.HashOf([]byte("a candidate"))
	_, b := s.core.Backed(id, 4, s.sub.Now())
	s.write(Work{Batch: b}, nil, nil)
	s.chunksWriting = maxWriting - 100
	q := func(size int) *overseertest.Answer {
		c := &primitivesv1.ErasureChunk{Content: &primitivesv1.ErasureChunk_Chunk{Chunk: make([]byte, size)}}
		return o.Ask("availability-distribution", &storev1.StoreChunk{Candidate: id[:], Chunk: c})
	}
	if a := q(100); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Errorf("%v, %v", a.Reply, a.Err)
	}
	if a := q(99); a.Err != nil || s.chunksWriting != maxWriting-100 {
		t.Errorf("%v; %d bytes wait", a.Err, s.chunksWriting)
	}
}
