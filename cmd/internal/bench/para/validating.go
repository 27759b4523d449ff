package para

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	cvv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/candidatevalidation"
)

const (
	// instances are how many of candidate-validation are compared, with one worker each.
	instances = 3
	// candidates are judged in each round, so many at a time.
	candidates    = 60
	candidatesNow = 12
)

// validating compares how many candidates two and three instances of candidate-validation judge in a second with how
// many one does. What they judge is the example transition on blocks of transfers that nobody has signed, so all of it
// is run and found invalid.
func validating(ctx context.Context, cfg Config) (rows []bench.Row, err error) {
	rates := make([][]float64, instances+1)
	for round := range cfg.Rounds {
		fmt.Fprintf(cfg.Progress, "candidate-validation, 1 to %d instances: round %d of %d\n", instances, round+1,
			cfg.Rounds)
		for n := 1; n <= instances; n++ {
			rate, err := judgedWith(ctx, cfg, n)
			if err != nil {
				return nil, err
			}
			rates[n] = append(rates[n], rate)
		}
	}
	for n := 2; n <= instances; n++ {
		rows = append(rows, bench.Against(fmt.Sprintf("candidates judged by %d instances of candidate-validation", n), "/s",
			"one", bench.Target{Floor: bench.AtLeast(1)}, rates[n], rates[1]))
	}
	return rows, nil
}

func judgedWith(ctx context.Context, cfg Config, n int) (float64, error) {
	dir, err := os.MkdirTemp("", "reeve-bench")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	st, err := newStage(cfg.Self, dir, 1, slices.Repeat([]string{candidatevalidation.Name}, n)...)
	if err != nil {
		return 0, err
	}
	defer st.close()
	code, err := os.ReadFile(cfg.Code)
	if err != nil {
		return 0, fmt.Errorf("there is no validation code: build it with `make build`: %w", err)
	}
	j := &judging{stage: st, code: code}
	if err := st.open(ctx, []role{{name: "candidate-backing", asks: []proto.Message{&cvv1.Validate{}},
		on: (*subsystem.Message).Unknown}}); err != nil {
		return 0, err
	}
	if err := j.play(ctx, candidatesNow); err != nil { // each prepares the code, or loads it
		return 0, err
	}
	began := time.Now()
	err = j.play(ctx, candidates)
	return candidates / time.Since(began).Seconds(), err
}

// judging plays candidate-backing.
type judging struct {
	*stage
	code []byte
	pov  []byte
	left int
}

// play has so many candidates judged, a few at a time.
func (j *judging) play(ctx context.Context, n int) error {
	j.pov = make([]byte, 256<<10)
	j.expect(n)
	j.as("candidate-backing", func(sub *subsystem.Sub) {
		j.left = n
		sub.Blobs().Put(j.code, time.Minute, func(code *primitivesv1.BlobRef, err error) {
			sub.Blobs().Put(j.pov, time.Minute, func(pov *primitivesv1.BlobRef, err2 error) {
				if err != nil || err2 != nil {
					j.ended <- fmt.Errorf("blobs: %w, %w", err, err2)
					return
				}
				for range min(n, candidatesNow) {
					j.next(sub, code, pov)
				}
			})
		})
	})
	return j.settle(ctx)
}

func (j *judging) next(sub *subsystem.Sub, code, pov *primitivesv1.BlobRef) {
	if j.left == 0 {
		return
	}
	j.left--
	subsystem.Ask(sub, j.question(code, pov), patience, func(r *cvv1.ValidateResponse, err error) {
		if err != nil || r.GetFault() != nil {
			j.ended <- fmt.Errorf("a candidate wasn't judged: %w, %v", err, r.GetFault())
			return
		}
		j.did()
		j.next(sub, code, pov)
	})
}

// question is about a candidate that is in order but for what its code makes of it.
func (j *judging) question(code, pov *primitivesv1.BlobRef) *cvv1.Validate {
	data := candidate.PersistedValidationData{
		ParentHead: []byte("head"), RelayParentNumber: uint64(j.left), MaxPoVSize: povSize,
	}
	dataHash, err := data.Hash()
	if err != nil {
		panic(err) // its head is short
	}
	var r candidate.Receipt
	r.Descriptor.Collation = signbytes.Collation{
		RelayParent: blockHash(1), PersistedValidationDataHash: dataHash, PoVHash: candidate.PoVHash(j.pov),
		ValidationCodeHash: primitives.HashOf(j.code), Collator: [32]byte(j.list[own].GetPublicKey()),
	}
	payload, err := r.Descriptor.Collation.Encode()
	if err != nil {
		panic(err) // a collation always encodes
	}
	copy(r.Descriptor.Signature[:], ed25519.Sign(j.keys[own], payload))
	return &cvv1.Validate{
		ValidationCode: code, Receipt: parachain.ReceiptMessage(r), Pov: &primitivesv1.PoV{BlockData: pov},
		ValidationData: parachain.ValidationDataMessage(data),
	}
}
