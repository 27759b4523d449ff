// Package erasure measures what it costs to make a candidate's data available and to put it together again, beside the
// library that computes the parity and SHA-256 of every shard, on the same shards in the same process: whoever commits
// to chunks must hash them. Ours cuts and pads besides, and makes the tree; both encode again after recovering, to see
// that the root is that of the data.
//
// Figures of one processor. Times are wall clock, and each round plays both sides in turn.
package erasure

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/klauspost/reedsolomon"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/internal/core/erasure"
)

// Config says what is measured. Progress takes a line for each round.
type Config struct {
	Sizes    []int // numbers of validators
	Bytes    int   // of the data
	Rounds   int
	Progress io.Writer
}

// Run plays the rounds.
func Run(ctx context.Context, cfg Config) (bench.Document, error) {
	doc := bench.Document{Bench: "erasure", When: time.Now().UTC().Truncate(time.Second), Machine: bench.Machine()}
	for _, n := range cfg.Sizes {
		s, err := prepare(n, cfg.Bytes)
		if err != nil {
			return doc, err
		}
		took := map[string][]float64{}
		for round := range cfg.Rounds {
			if err := ctx.Err(); err != nil {
				return doc, err
			}
			fmt.Fprintf(cfg.Progress, "%d validators: round %d of %d\n", n, round+1, cfg.Rounds)
			if err := s.play(took); err != nil {
				return doc, err
			}
		}
		doc.Rows = append(doc.Rows, rows(n, cfg.Bytes, took)...)
	}
	return doc, nil
}

// sides are both ends of one session with the same data.
type sides struct {
	coder  *erasure.Coder
	raw    reedsolomon.Encoder
	data   []byte
	coded  erasure.Coded // the data's
	shards [][]byte      // the same, as the library has them
	spare  [][]byte      // room for as many
	sum    [sha256.Size]byte
	random []erasure.Chunk
	first  []erasure.Chunk // those that are the data itself
	into   erasure.Coded
}

func prepare(n, bytes int) (*sides, error) {
	codec := erasure.CodecFor(n)
	coder, err := erasure.New(codec, n)
	if err != nil {
		return nil, err
	}
	k := erasure.DataChunks(n)
	raw, err := reedsolomon.New(k, n-k, reedsolomon.WithMaxGoroutines(1), reedsolomon.WithInversionCache(false),
		reedsolomon.WithLeopardGF16(codec == erasure.LeopardGF16))
	if err != nil {
		return nil, err
	}
	chance := rand.New(rand.NewPCG(1, uint64(n)))
	s := &sides{coder: coder, raw: raw, data: make([]byte, bytes)}
	for i := range s.data {
		s.data[i] = byte(chance.Uint32())
	}
	if err := coder.Encode(s.data, &s.coded); err != nil {
		return nil, err
	}
	for i := range n {
		s.shards = append(s.shards, s.coded.Chunk(i).Bytes)
		s.spare = append(s.spare, make([]byte, len(s.shards[0])))
	}
	for i, at := range chance.Perm(n)[:k] {
		s.random = append(s.random, s.coded.Chunk(at))
		s.first = append(s.first, s.coded.Chunk(i))
	}
	return s, nil
}

// The figures, by name.
const (
	encode     = "encode"
	encodeRaw  = "encode raw"
	recovered  = "recover"
	recoverRaw = "recover raw"
	systematic = "systematic"
)

// play measures each figure once and adds its milliseconds.
func (s *sides) play(took map[string][]float64) error {
	for _, turn := range []struct {
		figure string
		do     func() error
	}{
		{encode, func() error { return s.coder.Encode(s.data, &s.into) }},
		{encodeRaw, s.encodeRaw},
		{recovered, func() error { return s.coder.Recover(s.coded.Root(), s.random, &s.into) }},
		{recoverRaw, s.recoverRaw},
		{systematic, func() error { return s.coder.Reconstruct(s.first, &s.into) }},
	} {
		began := time.Now()
		if err := turn.do(); err != nil {
			return fmt.Errorf("%s: %w", turn.figure, err)
		}
		took[turn.figure] = append(took[turn.figure], float64(time.Since(began).Microseconds())/1000)
	}
	return nil
}

func (s *sides) encodeRaw() error {
	if err := s.raw.Encode(s.shards); err != nil {
		return err
	}
	for _, shard := range s.shards {
		s.sum = sha256.Sum256(shard)
	}
	return nil
}

// recoverRaw gets the data from the same chunks into memory that is there already, and then all parity again.
func (s *sides) recoverRaw() error {
	shards := make([][]byte, len(s.shards))
	for i := range shards {
		shards[i] = s.spare[i][:0]
	}
	for _, c := range s.random {
		shards[c.Index] = c.Bytes
	}
	if err := s.raw.ReconstructData(shards); err != nil {
		return err
	}
	return s.encodeRaw()
}

const library = "library + SHA-256"

// rows are the figures of one number of validators. Rates are of the data's bytes.
func rows(n, bytes int, took map[string][]float64) []bench.Row {
	of := func(what string) string { return fmt.Sprintf("%s, %d validators", what, n) }
	rate := func(figure string) (mibs []float64) {
		for _, ms := range took[figure] {
			mibs = append(mibs, float64(bytes)/(1<<20)/(ms/1000))
		}
		return mibs
	}
	raw := bench.Target{Floor: bench.AtLeast(0.9)}
	list := []bench.Row{
		bench.Against(of("encode"), "MiB/s", library, raw, rate(encode), rate(encodeRaw)),
		bench.Against(of("recover from random chunks, and encode again"), "MiB/s", library, raw, rate(recovered),
			rate(recoverRaw)),
		bench.Absolute(of("put together the data's own chunks"), "MiB/s",
			bench.Target{Floor: bench.AtLeast(2861)}, rate(systematic)),
	}
	if n == 500 && bytes == 5<<20 {
		list = append(list, bench.Absolute(of("recover, one processor"), "ms", bench.Target{Floor: bench.AtMost(60)},
			took[recovered]))
	}
	return list
}
