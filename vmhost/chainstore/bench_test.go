package chainstore_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/pebbledb"
)

// slack is a disk that doesn't wait: what a commit costs without it is the disk's part.
type slack struct{ database.Database }

func (s slack) Write(ctx context.Context, b *database.Batch, _ database.Durability) error {
	return s.Database.Write(ctx, b, database.NoSync)
}

// BenchmarkCommit is one small block's commit, with and without waiting for the disk.
func BenchmarkCommit(b *testing.B) {
	for _, c := range []struct {
		name string
		wrap func(database.Database) database.Database
	}{
		{"synced", func(db database.Database) database.Database { return db }},
		{"not-synced", func(db database.Database) database.Database { return slack{db} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			db, err := pebbledb.Open(b.TempDir(), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			r, err := chainstore.Open(ctx, c.wrap(db), chain)
			if err != nil {
				b.Fatal(err)
			}
			var took []time.Duration
			for height := uint64(0); b.Loop(); height++ {
				var changes database.Batch
				changes.Put([]byte("root"), make([]byte, 2048))
				changes.Put([]byte("key"), make([]byte, 64))
				begin := time.Now()
				if err := r.Commit(ctx, entry(height), &changes, database.Sync); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
		})
	}
}
