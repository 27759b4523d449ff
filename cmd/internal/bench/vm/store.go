package vm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/intercept"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/pebbledb"
	"github.com/reevenet/reeve/vmhost/database/remote"
	"github.com/reevenet/reeve/vmhost/fastcall"
	"github.com/reevenet/reeve/vmhost/vmsdk/lthash"
)

const (
	entries   = 10_000 // of the store that is read
	valueSize = 128
	changes   = 8 // entries that a small block and its record write
	token     = "bench"
)

// filled opens a store with entries in it.
func filled(dir string) (*pebbledb.DB, error) {
	db, err := pebbledb.Open(dir, quiet())
	if err != nil {
		return nil, err
	}
	var batch database.Batch
	for i := range entries {
		batch.Put(keyOf(i), make([]byte, valueSize))
	}
	return db, db.Write(context.Background(), &batch, database.Sync)
}

func keyOf(i int) []byte { return binary.BigEndian.AppendUint64([]byte("key"), uint64(i)) }

// playDatabase is the host's side of the database service, on a store of its own.
func playDatabase(at place, in io.Reader, out io.Writer) error {
	db, err := filled(filepath.Join(string(at), "remote"))
	if err != nil {
		return err
	}
	defer db.Close()
	service := remote.NewService(db)
	defer service.Close()
	usual, _ := grpcx.Server{Log: quiet()}.New()
	defer usual.Stop()
	count, err := vmhost.CountCalls(prometheus.NewRegistry())
	if err != nil {
		return err
	}
	fast := fastcall.NewServer(token, intercept.Chain{Log: quiet(), Count: count},
		grpcx.Server{Log: quiet()}.StreamInterceptor())
	defer fast.Close()
	pluginv1.RegisterDatabaseServiceServer(usual, service)
	pluginv1.RegisterDatabaseServiceServer(&fast.Services, service)
	listener, err := net.Listen("unix", at.store())
	if err != nil {
		return err
	}
	fast.Serve(listener, usual)
	bare, err := net.Listen("unix", at.bare())
	if err != nil {
		return err
	}
	defer bare.Close()
	go echo(bare)
	rounds.Obey(in, out, func(string) string { return "" })
	return nil
}

// reads is a round of reads of random keys. The cached client has read every key before.
func reads(db database.Reader, order rounds.Order) rounds.Result {
	rng := rand.New(rand.NewPCG(1, 2))
	times := hdrhistogram.New(1, time.Minute.Nanoseconds(), 3)
	began := time.Now()
	for range order.N {
		key := keyOf(rng.IntN(entries))
		asked := time.Now()
		value, err := db.Get(context.Background(), key)
		_ = times.RecordValue(time.Since(asked).Nanoseconds())
		if err != nil || len(value) != valueSize {
			return rounds.Result{Op: order.Op, Error: fmt.Sprintf("read %d bytes: %v", len(value), err)}
		}
	}
	return rounds.Result{
		Op: order.Op, N: order.N, P50: float64(times.ValueAtQuantile(50)), P99: float64(times.ValueAtQuantile(99)),
		PerSecond: float64(order.N) / time.Since(began).Seconds(),
	}
}

// many is a round of reads of so many random keys with one call; its time is that of one key.
func many(db database.Reader, order rounds.Order) rounds.Result {
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([][]byte, order.Size)
	return timed(order, func() (time.Duration, error) {
		for i := range keys {
			keys[i] = keyOf(rng.IntN(entries))
		}
		began := time.Now()
		values, err := db.GetBatch(context.Background(), keys)
		took := time.Since(began) / time.Duration(len(keys))
		for _, value := range values {
			if len(value) != valueSize && err == nil {
				err = fmt.Errorf("read %d bytes", len(value))
			}
		}
		return took, err
	})
}

// stores are the three ways to read.
type stores struct {
	local            *pebbledb.DB
	uncached, cached *remote.Client
	// commits is a store of its own: what they write would turn the local one from memory to files between two rounds.
	commits   *pebbledb.DB
	committed uint64
}

func openStores(at place) (*stores, error) {
	local, err := filled(filepath.Join(string(at), "local"))
	if err != nil {
		return nil, err
	}
	commits, err := pebbledb.Open(filepath.Join(string(at), "commits"), quiet())
	if err != nil {
		return nil, err
	}
	usual, err := grpcx.Client{}.Dial("unix:" + at.store())
	if err != nil {
		return nil, err
	}
	dialer := fastcall.Dialer{Target: "unix:" + at.store(), Token: token, Around: intercept.Chain{Log: quiet()}}
	channels := &fastcall.Pool{Open: func() (*fastcall.Channel, error) { return dialer.Ask(context.Background()) },
		Most: 1}
	conn := &fastcall.Conn{ClientConnInterface: usual, For: func(string) *fastcall.Pool { return channels }}
	s := &stores{local: local, commits: commits, uncached: remote.NewClient(conn, 1), cached: remote.NewClient(conn, 0)}
	for i := range entries {
		if _, err := s.cached.Get(context.Background(), keyOf(i)); err != nil {
			return nil, err
		}
	}
	if channels.Free() == 0 {
		return nil, errors.New("the reads didn't go over a channel")
	}
	return s, nil
}

// commit writes what a small block changes, its state root being the largest part, and waits for the disk.
func (s *stores) commit() error {
	var batch database.Batch
	s.committed++
	for field := range changes {
		batch.Put(binary.BigEndian.AppendUint64([]byte{byte(field)}, s.committed), make([]byte, valueSize))
	}
	batch.Put([]byte{changes}, make([]byte, lthash.Size))
	return s.commits.Write(context.Background(), &batch, database.Sync)
}
