package para

import (
	"context"
	"crypto/ed25519"
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
)

// verifying compares the checking of a block's statements, as statement-distribution does it, with crypto/ed25519 one
// after the other.
func verifying(_ context.Context, cfg Config) ([]bench.Row, error) {
	w := newWorld(100)
	in := signbytes.Context{Session: session, RelayParent: blockHash(1)}
	var list []statements.Signed
	var payloads [][]byte
	for core := range w.cores {
		id := hashOf(w.candidate(in.RelayParent, core, primitives.Hash{}))
		for _, v := range group(core) {
			s := statements.Signed{Verdict: signbytes.Valid, Candidate: id, Validator: v}
			payload, _ := s.Payload(in).Encode() // it says one of the three
			copy(s.Signature[:], ed25519.Sign(w.keys[v], payload))
			list, payloads = append(list, s), append(payloads, payload)
		}
	}
	var claims []parachain.Claim
	for _, s := range list {
		claims = append(claims, parachain.StatementClaim(in, s, w.list[s.Validator].GetPublicKey()))
	}
	v := parachain.NewVerifier()
	v.Verify(claims) // the keys are those of a session: they are seen once
	var ours, peer []float64
	for range cfg.Rounds {
		ours = append(ours, rate(len(list), func() { v.Verify(claims) }))
		peer = append(peer, rate(len(list), func() {
			for i, s := range list {
				ed25519.Verify(w.list[s.Validator].GetPublicKey(), payloads[i], s.Signature[:])
			}
		}))
	}
	return []bench.Row{bench.Against("500 statements of 500 validators verified", "/s", "crypto/ed25519, singly",
		bench.Target{Floor: bench.AtLeast(1.8)}, ours, peer)}, nil
}

func rate(n int, work func()) float64 {
	began := time.Now()
	work()
	return float64(n) / time.Since(began).Seconds()
}
