package erasure

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// coder makes a coder; both codecs cost nothing after the first.
func coder(t interface{ Fatal(...any) }, codec Codec, n int) *Coder {
	c, err := New(codec, n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// content is n bytes that count, so that a chunk in the wrong place shows. It has no zeros.
func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i%251 + 1)
	}
	return b
}

func encode(t interface{ Fatal(...any) }, c *Coder, data []byte) *Coded {
	var coded Coded
	if err := c.Encode(data, &coded); err != nil {
		t.Fatal(err)
	}
	return &coded
}

// chunks are those at the places, in copies.
func chunks(coded *Coded, places ...int) (out []Chunk) {
	for _, i := range places {
		chunk := coded.Chunk(i)
		chunk.Bytes = slices.Clone(chunk.Bytes)
		out = append(out, chunk)
	}
	return out
}

func all(coded *Coded) []Chunk {
	places := make([]int, len(coded.chunks))
	for i := range places {
		places[i] = i
	}
	return chunks(coded, places...)
}

// drawCoder draws a codec with a number of chunks that it has: mostly few, sometimes one at a border.
func drawCoder(t *rapid.T) *Coder {
	codec := rapid.SampledFrom([]Codec{ClassicGF8, LeopardGF16}).Draw(t, "codec")
	n := rapid.IntRange(1, 24).Draw(t, "n")
	if rapid.IntRange(0, 9).Draw(t, "border") == 0 {
		borders := []int{127, 128, 129, 255, 256}
		if codec == LeopardGF16 {
			borders = append(borders, 257, 600)
		}
		n = rapid.SampledFrom(borders).Draw(t, "many")
	}
	return coder(t, codec, n)
}

func drawData(t *rapid.T) []byte { return rapid.SliceOfN(rapid.Byte(), 1, 3000).Draw(t, "data") }

// drawPlaces draws so many places of n, in any order.
func drawPlaces(t *rapid.T, n, many int) []int {
	seed := rapid.Uint64().Draw(t, "places")
	return rand.New(rand.NewPCG(seed, 0)).Perm(n)[:many]
}

// each runs a story for each codec with a few numbers of chunks.
func each(t *testing.T, story func(t *testing.T, c *Coder)) {
	for _, codec := range []Codec{ClassicGF8, LeopardGF16} {
		for _, n := range []int{1, 2, 3, 4, 7, 10} {
			t.Run(fmt.Sprintf("%d chunks of %s", n, codec), func(t *testing.T) { story(t, coder(t, codec, n)) })
		}
	}
}
