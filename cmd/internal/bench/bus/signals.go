package bus

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// signalRound imports one block after the other, each when every listener has acknowledged the one before.
type signalRound struct {
	asker   *asker
	times   *hdrhistogram.Histogram
	left    int
	hearers int
	missing int
	began   time.Time
	sent    time.Time
	done    func(rounds.Result)
}

func (a *asker) signals(order rounds.Order, hearers int, done func(rounds.Result)) {
	r := &signalRound{asker: a, times: hdrhistogram.New(1, patience.Nanoseconds(), 3), left: order.N, hearers: hearers,
		began: time.Now(), done: done}
	a.onAck = r.onAck
	r.next()
}

// next imports a child of the last block: the child becomes the one leaf, its parent stops being one.
func (r *signalRound) next() {
	parent := blockHash(r.asker.height)
	r.asker.height++
	r.missing, r.sent = r.hearers, time.Now()
	r.asker.sub.Send(&overseerv1.BlockImported{Hash: blockHash(r.asker.height), Parent: parent, Number: r.asker.height})
}

func (r *signalRound) onAck() {
	if r.missing--; r.missing > 0 {
		return
	}
	now := time.Now()
	_ = r.times.RecordValue(now.Sub(r.sent).Nanoseconds())
	if r.left--; r.left > 0 {
		r.next()
		return
	}
	r.asker.onAck = nil
	r.asker.sub.Send(&overseerv1.BlockAccepted{Hash: blockHash(r.asker.height), Number: r.asker.height})
	r.done(rounds.Result{
		P50: float64(r.times.ValueAtQuantile(50)), P99: float64(r.times.ValueAtQuantile(99)),
		PerSecond: float64(r.times.TotalCount()) / now.Sub(r.began).Seconds(),
	})
}

// blockHash is as even as a block's: which traces are sampled is decided by it.
func blockHash(height uint64) []byte {
	hash := sha256.Sum256(binary.BigEndian.AppendUint64(nil, height))
	return hash[:]
}
