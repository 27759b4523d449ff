package erasure

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// lie gives chunks that were changed a root of their own, as a dishonest collator can.
func lie(c *Coder, coded *Coded) { coded.root = coded.tree.build(c, coded.chunks) }

func TestWhicheverChunksOfALyingEncoderAreUsedTheCandidateIsInvalid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, data := drawCoder(t), drawData(t)
		coded := encode(t, c, data)
		if c.n == c.k {
			t.Skip("one chunk is always the encoding of something")
		}
		i := rapid.IntRange(0, len(coded.bytes)-1).Draw(t, "byte")
		coded.bytes[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
		lie(c, coded)
		given := chunks(coded, drawPlaces(t, c.n, c.k)...)
		for _, chunk := range given {
			if err := c.Verify(coded.Root(), chunk); err != nil {
				t.Fatal(err)
			}
		}
		var got Coded
		err := c.Recover(coded.Root(), given, &got)
		if !errors.Is(err, ErrInvalid) || errors.Is(err, ErrChunk) || len(got.Data()) != 0 {
			t.Fatalf("byte %d of chunk %d: %v", i%coded.size, i/coded.size, err)
		}
	})
}

func TestDataThatIsPaddedInAnotherWayIsInvalid(t *testing.T) {
	length := func(n uint32) func([]byte) {
		return func(padded []byte) { binary.BigEndian.PutUint32(padded[len(padded)-lengthSize:], n) }
	}
	each(t, func(t *testing.T, c *Coder) {
		for what, change := range map[string]func(padded []byte){
			"a byte in the padding":      func(p []byte) { p[len(p)-lengthSize-1] = 1 },
			"no length":                  length(0),
			"more than there is":         func(p []byte) { length(uint32(len(p)))(p) },
			"more than may be":           length(MaxData + 1),
			"a length past all numbers":  length(1<<32 - 1),
			"what fits a shorter chunk":  length(1),
			"a byte less than there was": length(689),
		} {
			coded := encode(t, c, content(690))
			change(coded.bytes[:c.k*coded.size])
			if err := c.commit(coded); err != nil {
				t.Fatal(err)
			}
			var got Coded
			if err := c.Recover(coded.Root(), all(coded)[c.n-c.k:], &got); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestAChunkThatWasForgedOnTheWayIsNoVerdict(t *testing.T) {
	each(t, func(t *testing.T, c *Coder) {
		coded := encode(t, c, content(690))
		var got Coded
		for i := range 8 * c.k {
			given := all(coded)[:c.k]
			given[i/8].Bytes[i] ^= 1
			err := c.Recover(coded.Root(), given, &got)
			if !errors.Is(err, ErrChunk) || errors.Is(err, ErrInvalid) || len(got.Data()) != 0 {
				t.Fatalf("byte %d of chunk %d: %v", i, i/8, err)
			}
		}
		other := encode(t, c, content(691))
		if err := c.Recover(coded.Root(), all(other), &got); !errors.Is(err, ErrChunk) {
			t.Errorf("chunks of other data: %v", err)
		}
	})
}

func TestChunksThatDoNotGoTogetherAreRefused(t *testing.T) {
	c := coder(t, ClassicGF8, 7)
	good, other := all(encode(t, c, content(600))), all(encode(t, c, content(1600)))
	for _, s := range []struct {
		given []Chunk
		err   error
		says  string
	}{
		{nil, ErrTooFew, "0 of 7 were given, 3 are needed"},
		{good[:2], ErrTooFew, "2 of 7 were given, 3 are needed"},
		{[]Chunk{good[0], good[1], good[1]}, ErrChunk, "chunk 1 was given twice"},
		{[]Chunk{good[0], good[1], other[2]}, ErrChunk, "chunk 2 has 576 bytes, others 256"},
		{[]Chunk{good[0], good[1], {Index: 7, Bytes: good[2].Bytes}}, ErrChunk, "index 7 of 7"},
		{[]Chunk{good[0], good[1], {Index: 2, Bytes: good[2].Bytes[:65]}}, ErrChunk, "a multiple of 64"},
		{[]Chunk{good[0], good[1], {Index: 2}}, ErrChunk, "chunk 2 has 0 bytes"},
	} {
		var got Coded
		err := c.Reconstruct(s.given, &got)
		if !errors.Is(err, s.err) || !strings.Contains(err.Error(), s.says) || len(got.Data()) != 0 {
			t.Errorf("%v should say %q", err, s.says)
		}
	}
}
