package signer

import (
	"fmt"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// BenchmarkSign measures durable signatures on this machine's disk by the size of the batch that shares a sync.
func BenchmarkSign(b *testing.B) {
	for _, size := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("batch of %d", size), func(b *testing.B) {
			s := benchSigner(b)
			height := uint64(0)
			batch := make([]signbytes.Payload, size)
			for b.Loop() {
				for i := range batch {
					height++
					batch[i] = signbytes.Block{Height: height}
				}
				if _, _, err := s.Sign(batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(height)/b.Elapsed().Seconds(), "signatures/s")
		})
	}
}

// BenchmarkSignVote measures durable votes: alone, the two of a height one after the other; and each with a block that
// is proposed meanwhile.
func BenchmarkSignVote(b *testing.B) {
	for _, with := range []string{"alone", "with a block"} {
		b.Run(with, func(b *testing.B) {
			s := benchSigner(b)
			n := uint64(0)
			for b.Loop() {
				v := signbytes.Vote{Height: 1 + n/2, Phase: signbytes.Phase(1 + n%2), Block: primitives.Hash{1}}
				batch := []signbytes.Payload{v}
				if n++; with != "alone" {
					batch = append(batch, signbytes.Block{Height: n})
				}
				if signed, _, err := s.Sign(batch); err != nil || signed[0].Err != nil {
					b.Fatal(err, signed)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "votes/s")
		})
	}
}

// benchSigner is a signer on this machine's disk.
func benchSigner(b *testing.B) *Signer {
	cfg := osConfig(b.TempDir())
	cfg.CompactAt = 0
	if _, err := Create(cfg); err != nil {
		b.Fatal(err)
	}
	s := New(cfg)
	if _, err := s.Open(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}
