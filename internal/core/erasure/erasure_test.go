package erasure

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func TestAnyThirdOfTheChunksIsEnoughAndOneLessIsNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, data := drawCoder(t), drawData(t)
		coded := encode(t, c, data)
		many := rapid.IntRange(c.k, c.n).Draw(t, "many")
		given := chunks(coded, drawPlaces(t, c.n, many)...)
		var got Coded
		if err := c.Recover(coded.Root(), given, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Data(), data) || got.Root() != coded.Root() || !bytes.Equal(got.bytes, coded.bytes) {
			t.Fatalf("%d bytes came back as %d others", len(data), len(got.Data()))
		}
		err := c.Recover(coded.Root(), given[:c.k-1], &got)
		if !errors.Is(err, ErrTooFew) || len(got.Data()) != 0 {
			t.Fatalf("%d of %d chunks: %v", c.k-1, c.n, err)
		}
	})
}

func TestTheFirstChunksAreTheDataItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, data := drawCoder(t), drawData(t)
		coded := encode(t, c, data)
		var joined []byte
		for i := range c.k {
			joined = append(joined, coded.Chunk(i).Bytes...)
		}
		if !bytes.HasPrefix(joined, data) || len(joined) != c.k*c.ChunkSize(len(data)) {
			t.Fatalf("the first %d of %d chunks of %d bytes aren't they", c.k, c.n, len(data))
		}
		var got Coded
		if err := c.Reconstruct(all(coded)[:c.k], &got); err != nil || !bytes.Equal(got.Data(), data) {
			t.Fatalf("joined: %v", err)
		}
		if !got.Root().IsZero() || got.Chunk(0).Proof != nil {
			t.Fatal("what nobody has checked has a root")
		}
	})
}

func TestEveryChunkHasItsProofAndNoOther(t *testing.T) {
	each(t, func(t *testing.T, c *Coder) {
		coded := encode(t, c, content(500))
		for i, chunk := range all(coded) {
			if err := c.Verify(coded.Root(), chunk); err != nil {
				t.Error(err)
			}
			for j := range c.n + 1 {
				moved := chunk
				moved.Index = uint32(j)
				same := j < c.n && bytes.Equal(coded.chunks[j], chunk.Bytes) // parity of one chunk may be a copy
				if err := c.Verify(coded.Root(), moved); !same && !errors.Is(err, ErrChunk) {
					t.Errorf("chunk %d passes as chunk %d: %v", i, j, err)
				}
			}
		}
	})
}

func TestAChangedBitAnywhereIsNoticed(t *testing.T) {
	c := coder(t, ClassicGF8, 10)
	coded := encode(t, c, content(600))
	for _, chunk := range chunks(coded, 0, 3, 4, 9) {
		for i := range 8 * len(chunk.Bytes) {
			chunk.Bytes[i/8] ^= 1 << (i % 8)
			if err := c.Verify(coded.Root(), chunk); !errors.Is(err, ErrChunk) {
				t.Fatalf("bit %d of chunk %d doesn't count", i, chunk.Index)
			}
			chunk.Bytes[i/8] ^= 1 << (i % 8)
		}
		for i := range 8 * primitives.HashSize * len(chunk.Proof) {
			at := &chunk.Proof[i/8/primitives.HashSize][i/8%primitives.HashSize]
			*at ^= 1 << (i % 8)
			if err := c.Verify(coded.Root(), chunk); !errors.Is(err, ErrChunk) {
				t.Fatalf("bit %d of the proof of chunk %d doesn't count", i, chunk.Index)
			}
			*at ^= 1 << (i % 8)
		}
	}
}

func TestAChunkOfAnotherSessionsCodeIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, other, data := drawCoder(t), drawCoder(t), drawData(t)
		if c.codec == other.codec && c.n == other.n {
			t.Skip("it is the same")
		}
		coded := encode(t, c, data)
		if again := encode(t, other, data); again.Root() == coded.Root() {
			t.Fatal("two codes have one root")
		}
		for _, chunk := range all(coded) {
			if err := other.Verify(coded.Root(), chunk); !errors.Is(err, ErrChunk) {
				t.Fatalf("chunk %d of %d (%s) passes for %d (%s)", chunk.Index, c.n, c.codec, other.n, other.codec)
			}
		}
	})
}

func TestWhatCanBeNoChunkIsRefusedBeforeItIsHashed(t *testing.T) {
	c := coder(t, ClassicGF8, 4)
	coded := encode(t, c, content(600))
	good := coded.Chunk(2)
	proof := func(n int) []primitives.Hash { return make([]primitives.Hash, n) }
	for what, chunk := range map[string]Chunk{
		"no place":                {4, good.Bytes, good.Proof},
		"no place by far":         {math.MaxUint32, good.Bytes, good.Proof},
		"nothing":                 {2, nil, good.Proof},
		"a length between":        {2, good.Bytes[:len(good.Bytes)-1], good.Proof},
		"a shorter one":           {2, good.Bytes[:len(good.Bytes)-unit], good.Proof},
		"a longer one":            {2, append(bytes.Clone(good.Bytes), make([]byte, unit)...), good.Proof},
		"longer than any":         {2, make([]byte, c.ChunkSize(MaxData)+unit), good.Proof},
		"no proof":                {2, good.Bytes, nil},
		"a short proof":           {2, good.Bytes, good.Proof[:1]},
		"a long proof":            {2, good.Bytes, append(slices.Clone(good.Proof), proof(1)...)},
		"an enormous proof":       {2, good.Bytes, proof(1 << 16)},
		"its top as a short tree": {0, good.Bytes, nil},
	} {
		if err := c.Verify(coded.Root(), chunk); !errors.Is(err, ErrChunk) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOtherDataHasOtherChunks(t *testing.T) {
	c, seen := coder(t, ClassicGF8, 4), map[primitives.Hash]string{}
	for _, length := range []int{1, 2, 3, 63, 64, 65, 123, 124, 125, 128, 250, 252, 253} {
		for b := range byte(2) {
			root := encode(t, c, bytes.Repeat([]byte{b}, length)).Root()
			what := fmt.Sprintf("%d bytes %d", length, b)
			if other, ok := seen[root]; ok {
				t.Errorf("%s have the root of %s", what, other)
			}
			seen[root] = what
		}
	}
}

func TestMemoryThatIsUsedAgainShowsNothingOfWhatItHeld(t *testing.T) {
	var used Coded
	rapid.Check(t, func(t *rapid.T) {
		c, data := drawCoder(t), drawData(t)
		fresh := encode(t, c, data)
		if err := c.Encode(data, &used); err != nil || used.Root() != fresh.Root() {
			t.Fatalf("encoded: %v", err)
		}
		given := chunks(fresh, drawPlaces(t, c.n, c.k)...)
		if err := c.Recover(fresh.Root(), given, &used); err != nil || !bytes.Equal(used.Data(), data) {
			t.Fatalf("recovered: %v", err)
		}
		for i := range c.n {
			if err := c.Verify(fresh.Root(), used.Chunk(i)); err != nil {
				t.Fatal(err)
			}
		}
		if used.Reset(); len(used.Data()) != 0 || !used.Root().IsZero() {
			t.Fatal("it isn't empty")
		}
	})
}
