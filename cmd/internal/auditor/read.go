package auditor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reevenet/reeve/cmd/internal/parachecker"
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// Readings count what was looked at.
type Readings struct {
	Chunks      int `json:"chunks"`     // that a validator has claimed: P4
	Data        int `json:"data"`       // that a validator has signed for: P5
	Recovered   int `json:"recovered"`  // included candidates, from several choices of chunks: P6
	Revalidated int `json:"judgements"` // of included candidates, by every node: P7
}

// Read reads everything that an honest validator must be able to read by now (P4, P5), puts the last so many included
// candidates together again from the chunks that there are (P6), and has every node judge them anew (P7).
func (a *Auditor) Read(ctx context.Context, last int) (Readings, error) {
	var n Readings
	a.mu.Lock()
	due := a.checker.Due(0)
	included := a.included[max(0, len(a.included)-last):]
	a.mu.Unlock()
	if err := a.duties(ctx, due, &n); err != nil {
		return n, err
	}
	for _, c := range included {
		if err := a.again(ctx, c, &n); err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}

// duties reads what is due, at all nodes at once.
func (a *Auditor) duties(ctx context.Context, due []parachecker.Duty, n *Readings) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range a.seats {
		group.Go(func() error {
			for _, d := range due {
				if d.Validator != s.index {
					continue
				}
				if err := a.duty(ctx, s, d, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// duty reads one thing where it must be.
func (a *Auditor) duty(ctx context.Context, s *seat, d parachecker.Duty, n *Readings) error {
	if d.Data {
		raw, _, err := s.data(ctx, d.Candidate)
		if err != nil {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		n.Data++
		a.checker.ReadData(d, raw)
		return nil
	}
	chunk, err := s.chunk(ctx, d.Candidate, d.Validator)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	n.Chunks++
	a.checker.ReadChunk(d, chunk)
	return nil
}

// again puts a candidate together from what the nodes have, and judges it anew.
func (a *Auditor) again(ctx context.Context, c *inclusion, n *Readings) error {
	var chunks []erasure.Chunk
	for _, s := range a.seats {
		chunk, err := s.chunk(ctx, c.hash, s.index)
		if err != nil {
			return err
		}
		if chunk != nil {
			chunks = append(chunks, *chunk)
		}
	}
	a.mu.Lock()
	a.checker.Recovered(c.hash, chunks)
	a.mu.Unlock()
	n.Recovered++
	for _, s := range a.seats {
		valid, judged, err := s.judge(ctx, c, a.head())
		if err != nil {
			return err
		}
		if judged {
			n.Revalidated++
			a.mu.Lock()
			a.checker.Judged(s.index, c.hash, valid)
			a.mu.Unlock()
		}
	}
	return nil
}

// patience is how long a part may be away: it may have been killed.
const patience = 15 * time.Second

// insist asks until there is an answer, for a while.
func insist[R any](ctx context.Context, ask func() (R, error)) (r R, err error) {
	for limit := time.Now().Add(patience); ; {
		if r, err = ask(); err == nil || ctx.Err() != nil || time.Now().After(limit) {
			return r, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// data is a candidate's available data in its canonical bytes, and as a message; nil: it isn't there.
func (s *seat) data(ctx context.Context, id primitives.Hash) ([]byte, *primitivesv1.AvailableData, error) {
	r, err := insist(ctx, func() (*storev1.QueryAvailableDataResponse, error) {
		return ask[*storev1.QueryAvailableDataResponse](ctx, s, &storev1.QueryAvailableData{Candidate: id[:]})
	})
	if err != nil || r.GetData() == nil {
		return nil, nil, err
	}
	raw, err := s.canonical(ctx, r.GetData())
	return raw, r.GetData(), err
}

func (s *seat) canonical(ctx context.Context, m *primitivesv1.AvailableData) ([]byte, error) {
	pov, err := s.blob(ctx, m.GetPov().GetBlockData())
	if err != nil {
		return nil, fmt.Errorf("a proof of validity that %s names: %w", s.name, err)
	}
	v, err := parachain.ValidationData(m.GetValidationData())
	if err != nil {
		return nil, err
	}
	return candidate.AvailableData{ValidationData: v, PoV: pov}.Encode()
}

// chunk is a chunk that a node has; nil: it hasn't.
func (s *seat) chunk(ctx context.Context, id primitives.Hash, index uint32) (*erasure.Chunk, error) {
	r, err := insist(ctx, func() (*storev1.QueryChunkResponse, error) {
		return ask[*storev1.QueryChunkResponse](ctx, s, &storev1.QueryChunk{Candidate: id[:], Validator: index})
	})
	m := r.GetChunk()
	if err != nil || m == nil {
		return nil, err
	}
	c := &erasure.Chunk{Index: m.GetIndex(), Bytes: m.GetChunk()}
	for _, b := range m.GetProof() {
		h, err := primitives.HashFrom(b)
		if err != nil {
			return nil, err
		}
		c.Proof = append(c.Proof, h)
	}
	if m.GetBlob() != nil {
		c.Bytes, err = s.blob(ctx, m.GetBlob())
	}
	return c, err
}

// head is the last block that was followed: older states are forgotten.
func (a *Auditor) head() primitives.Hash {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

// judge has a node run a candidate's code on its data. Not judged: the node doesn't have the data, or can't tell.
func (s *seat) judge(ctx context.Context, c *inclusion, head primitives.Hash) (valid, judged bool, err error) {
	_, data, err := s.data(ctx, c.hash)
	if err != nil || data == nil {
		return false, false, err
	}
	code, err := insist(ctx, func() (*primitivesv1.BlobRef, error) { return s.code(ctx, c, head) })
	if err != nil {
		return false, false, err
	}
	r, err := insist(ctx, func() (*candidatevalidationv1.ValidateResponse, error) {
		return ask[*candidatevalidationv1.ValidateResponse](ctx, s, &candidatevalidationv1.Validate{
			ValidationCode: code, Receipt: c.receipt, Pov: data.GetPov(), ValidationData: data.GetValidationData(),
		})
	})
	return r.GetValid() != nil, r.GetValid() != nil || r.GetInvalid() != nil, err
}

func (s *seat) code(ctx context.Context, c *inclusion, head primitives.Hash) (*primitivesv1.BlobRef, error) {
	d := c.receipt.GetDescriptor_()
	a, err := s.state(ctx, head[:], &runtimeapiv1.RuntimeApiRequest{
		Kind: &runtimeapiv1.RuntimeApiRequest_ValidationCodeByHash{
			ValidationCodeByHash: &runtimeapiv1.ValidationCodeByHash{Hash: d.GetValidationCodeHash()}}})
	return a.GetValidationCodeByHash().GetCode(), err
}

// Recover has one node put the last included candidates together, and returns how many it could. What it gives must be
// what the candidate names.
func (a *Auditor) Recover(ctx context.Context, node string, last int) (recovered int, err error) {
	a.mu.Lock()
	included := a.included[max(0, len(a.included)-last):]
	a.mu.Unlock()
	for _, s := range slices.Concat(a.seats, a.guests) {
		if s.name != node {
			continue
		}
		for _, c := range included {
			ok, err := a.recoverOne(ctx, s, c)
			if err != nil {
				return recovered, err
			}
			if ok {
				recovered++
			}
		}
	}
	return recovered, nil
}

func (a *Auditor) recoverOne(ctx context.Context, s *seat, c *inclusion) (bool, error) {
	r, err := insist(ctx, func() (*distributionv1.RecoverAvailableDataResponse, error) {
		return ask[*distributionv1.RecoverAvailableDataResponse](ctx, s, &distributionv1.RecoverAvailableData{
			Candidate: c.hash[:], Receipt: c.receipt, Session: c.session,
		})
	})
	if err != nil || r.GetData() == nil {
		return false, err
	}
	raw, err := s.canonical(ctx, r.GetData())
	if err != nil {
		return false, err
	}
	receipt, err := parachain.Receipt(c.receipt)
	if err != nil {
		return false, err
	}
	data, err := candidate.DecodeAvailableData(raw)
	if err == nil {
		err = data.Check(receipt.Descriptor)
	}
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.violated("P6", fmt.Sprintf("%s recovers other data of candidate %s: %v", s.name, c.hash.Short(), err))
	}
	return err == nil, nil
}
