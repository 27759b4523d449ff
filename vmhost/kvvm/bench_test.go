package kvvm_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// spent is this process's processor time, which other processes don't change.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTx is what one transaction of 200 bytes costs a validator that didn't build its block: sent by gossip,
// parsed, verified, accepted; and what it costs the builder on top.
func BenchmarkTx(b *testing.B) {
	const perBlock = 1000
	builder, other := start(b, ""), start(b, "")
	keys := make([]ed25519.PrivateKey, 50)
	for i := range keys {
		keys[i] = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, 32))
	}
	nonces := make([]uint64, len(keys))
	var cost [5]time.Duration
	blocks := 0
	for b.Loop() {
		b.StopTimer()
		var txs [][]byte
		for i := range perBlock {
			who := i % len(keys)
			key, value := fmt.Appendf(nil, "key %d", i), fmt.Appendf(nil, "value %074d", nonces[who])
			txs = append(txs, kvvm.NewTx(chain, keys[who], nonces[who], kvvm.Put, key, value).Bytes())
			nonces[who]++
		}
		b.StartTimer()
		lap := spent()
		step := func(i int) {
			now := spent()
			cost[i] += now - lap
			lap = now
		}
		if err := builder.vm.AppGossip(ctx, vmsdk.NodeID{1}, vmsdk.JoinTxs(txs...)); err != nil {
			b.Fatal(err)
		}
		step(0)
		built := builder.build()
		step(1)
		if err := other.vm.AppGossip(ctx, vmsdk.NodeID{1}, vmsdk.JoinTxs(txs...)); err != nil {
			b.Fatal(err)
		}
		lap = spent()
		own := other.parse(built)
		step(2)
		if err := own.Verify(ctx, other.last, vmsdk.BuildContext{}); err != nil {
			b.Fatal(err)
		}
		step(3)
		var batch database.Batch
		if err := own.Accept(ctx, &batch); err != nil {
			b.Fatal(err)
		}
		step(4)
		other.write(&batch)
		other.last = own
		builder.accept(built)
		blocks++
	}
	for i, what := range []string{"gossip", "build", "parse", "verify", "accept"} {
		b.ReportMetric(float64(cost[i].Nanoseconds())/float64(blocks*perBlock)/1e3, what+"-µs/tx")
	}
}
