package signer

import (
	"fmt"
	"testing"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

// BenchmarkSign measures durable signatures on this machine's disk by the size of the batch that shares a sync.
func BenchmarkSign(b *testing.B) {
	for _, size := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("batch of %d", size), func(b *testing.B) {
			cfg := osConfig(b.TempDir())
			cfg.CompactAt = 0
			if _, err := Create(cfg); err != nil {
				b.Fatal(err)
			}
			s := New(cfg)
			if _, err := s.Open(); err != nil {
				b.Fatal(err)
			}
			defer s.Close()
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
