package erasure

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Each figure is that of one processor. "raw" is the library alone, on the same shards.
func BenchmarkErasure(b *testing.B) {
	for _, n := range []int{4, 100, 500, 1000} {
		c, data := coder(b, CodecFor(n), n), content(5<<20)
		coded := encode(b, c, data)
		random := chunks(coded, rand.New(rand.NewPCG(1, 2)).Perm(n)[:c.k]...)
		systematic := all(coded)[:c.k]
		var into Coded
		for _, s := range []struct {
			name string
			do   func() error
		}{
			{"encode", func() error { return c.Encode(data, &into) }},
			{"encode-raw", func() error { return c.parity.Encode(coded.chunks) }},
			{"recover", func() error { return c.Recover(coded.Root(), random, &into) }},
			{"reconstruct", func() error { return c.Reconstruct(random, &into) }},
			{"reconstruct-raw", func() error {
				shards := make([][]byte, n)
				for _, chunk := range random {
					shards[chunk.Index] = chunk.Bytes
				}
				return c.parity.ReconstructData(shards)
			}},
			{"reconstruct-systematic", func() error { return c.Reconstruct(systematic, &into) }},
			{"verify", func() error { return c.Verify(coded.Root(), random[0]) }},
		} {
			b.Run(fmt.Sprintf("%s/n=%d", s.name, n), func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					if err := s.do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
