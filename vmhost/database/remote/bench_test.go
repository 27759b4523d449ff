package remote_test

import (
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/pebbledb"
	"github.com/reevenet/reeve/vmhost/database/remote"
)

const benchKeys = 10_000

func benchKey(i int) []byte { return fmt.Appendf(nil, "key %08d", i%benchKeys) }

// BenchmarkRead compares a read of 32 bytes: straight from pebble, through the cache, and over a unix socket without
// it.
func BenchmarkRead(b *testing.B) {
	store, err := pebbledb.Open(filepath.Join(b.TempDir(), "db"), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	var batch database.Batch
	for i := range benchKeys {
		batch.Put(benchKey(i), make([]byte, 32))
	}
	if err := store.Write(ctx, &batch, database.Sync); err != nil {
		b.Fatal(err)
	}
	socket := filepath.Join(b.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer()
	pluginv1.RegisterDatabaseServiceServer(server, remote.NewService(store))
	go server.Serve(listener)
	defer server.Stop()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()

	read := func(db database.Reader) func(*testing.B) {
		return func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := db.Get(ctx, benchKey(i)); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("pebble", read(store))
	cached := remote.NewClient(conn, 0)
	for i := range benchKeys {
		if _, err := cached.Get(ctx, benchKey(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("cached", read(cached))
	b.Run("socket", read(remote.NewClient(conn, 1)))
	b.Run("socket-100-keys", func(b *testing.B) {
		db := remote.NewClient(conn, 1)
		keys := make([][]byte, 100)
		for i := 0; b.Loop(); i++ {
			for j := range keys {
				keys[j] = benchKey(100*i + j)
			}
			if _, err := db.GetBatch(ctx, keys); err != nil {
				b.Fatal(err)
			}
		}
	})
}
