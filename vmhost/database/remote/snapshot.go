package remote

import (
	"context"
	"fmt"
	"sync/atomic"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
)

// snapshot reads a state that the host pins. Nothing of it is cached: it is for long reads.
type snapshot struct {
	rpc    pluginv1.DatabaseServiceClient
	id     uint64
	closed atomic.Bool
}

func (s *snapshot) Get(ctx context.Context, key []byte) ([]byte, error) {
	values, err := s.GetBatch(ctx, [][]byte{key})
	if err != nil {
		return nil, err
	}
	if values[0] == nil {
		return nil, database.ErrNotFound
	}
	return values[0], nil
}

func (s *snapshot) Has(ctx context.Context, key []byte) (bool, error) {
	values, err := s.GetBatch(ctx, [][]byte{key})
	return err == nil && values[0] != nil, err
}

func (s *snapshot) GetBatch(ctx context.Context, keys [][]byte) ([][]byte, error) {
	if s.closed.Load() {
		return nil, database.ErrClosed
	}
	return fetch(ctx, s.rpc, s.id, keys)
}

func (s *snapshot) Iterate(ctx context.Context, start, end []byte) database.Iterator {
	if s.closed.Load() {
		return &iterator{err: database.ErrClosed}
	}
	return iterate(ctx, s.rpc, start, end, s.id)
}

func (s *snapshot) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if _, err := s.rpc.ReleaseSnapshot(context.Background(),
		&pluginv1.ReleaseSnapshotRequest{Snapshot: s.id}); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}
