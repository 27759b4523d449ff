// Package remote is a database used across a process border: Service, on the side that owns the database, and Client,
// on the side that wants it. The client keeps a cache, so that a VM has no reason to bypass it.
//
// Only committed state is served. What a block's Accept writes is staged in the client until the host has committed it,
// so that a VM reads its own writes at once.
package remote

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
)

const (
	maxSnapshots = 64
	maxKeys      = 10_000
	maxPage      = 256 << 10
	// maxAnswer keeps an answer below the limit of a message with room for its framing.
	maxAnswer = 12 << 20
)

// Service serves db. One Service per client; Close it when the client is gone, and its snapshots are released.
type Service struct {
	pluginv1.UnimplementedDatabaseServiceServer
	db database.Database

	mu        sync.Mutex
	snapshots map[uint64]database.Snapshot
	last      uint64
}

// NewService serves db.
func NewService(db database.Database) *Service {
	return &Service{db: db, snapshots: make(map[uint64]database.Snapshot)}
}

// Close releases the snapshots. The database stays open.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, snapshot := range s.snapshots {
		snapshot.Close()
	}
	clear(s.snapshots)
}

// reader is the state that a request names.
func (s *Service) reader(snapshot uint64) (database.Reader, error) {
	if snapshot == 0 {
		return s.db, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.snapshots[snapshot]
	if !ok {
		return nil, status.Errorf(codes.FailedPrecondition, "no snapshot %d is open", snapshot)
	}
	return r, nil
}

func toStatus(err error) error {
	if errors.Is(err, database.ErrClosed) {
		return status.Error(codes.FailedPrecondition, err.Error())
	}
	return status.Error(codes.Internal, err.Error())
}

// GetBatch reads many keys.
func (s *Service) GetBatch(ctx context.Context, r *pluginv1.GetBatchRequest) (*pluginv1.GetBatchResponse, error) {
	if len(r.GetKeys()) > maxKeys {
		return nil, status.Errorf(codes.InvalidArgument, "%d keys in one batch; at most %d are allowed",
			len(r.GetKeys()), maxKeys)
	}
	reader, err := s.reader(r.GetSnapshot())
	if err != nil {
		return nil, err
	}
	values, err := reader.GetBatch(ctx, r.GetKeys())
	if err != nil {
		return nil, toStatus(err)
	}
	out := &pluginv1.GetBatchResponse{Values: make([]*pluginv1.Value, 0, len(values))}
	block := make([]pluginv1.Value, len(values))
	size := 0
	for i, v := range values {
		if size += len(v); size > maxAnswer && i > 0 {
			break
		}
		block[i].Found, block[i].Value = v != nil, v
		out.Values = append(out.Values, &block[i])
	}
	return out, nil
}

// Scan reads one page of a range.
func (s *Service) Scan(ctx context.Context, r *pluginv1.ScanRequest) (*pluginv1.ScanResponse, error) {
	reader, err := s.reader(r.GetSnapshot())
	if err != nil {
		return nil, err
	}
	limit := int(r.GetMaxBytes())
	if limit == 0 || limit > maxPage {
		limit = maxPage
	}
	it := reader.Iterate(ctx, r.GetStart(), emptyAsNil(r.GetEnd()))
	defer it.Close()
	entries, more := page(it, limit)
	if err := it.Err(); err != nil {
		return nil, toStatus(err)
	}
	return &pluginv1.ScanResponse{Entries: entries, More: more}, nil
}

// page takes entries until they have limit bytes. more: there may be others.
func page(it database.Iterator, limit int) (entries []*pluginv1.Entry, more bool) {
	size := 0
	for size < limit {
		if !it.Next() {
			return entries, false
		}
		e := &pluginv1.Entry{Key: append([]byte(nil), it.Key()...), Value: append([]byte(nil), it.Value()...)}
		entries = append(entries, e)
		size += len(e.Key) + len(e.Value)
	}
	return entries, true
}

func emptyAsNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// StreamRange sends a range page by page. The client's flow control is what paces it.
func (s *Service) StreamRange(r *pluginv1.StreamRangeRequest, out pluginv1.DatabaseService_StreamRangeServer) error {
	reader, err := s.reader(r.GetSnapshot())
	if err != nil {
		return err
	}
	it := reader.Iterate(out.Context(), r.GetStart(), emptyAsNil(r.GetEnd()))
	defer it.Close()
	for more := true; more; {
		var entries []*pluginv1.Entry
		entries, more = page(it, maxPage)
		if err := it.Err(); err != nil {
			return toStatus(err)
		}
		if err := out.Send(&pluginv1.StreamRangeResponse{Entries: entries}); err != nil {
			return err
		}
	}
	return nil
}

// WriteBatch writes and syncs.
func (s *Service) WriteBatch(ctx context.Context, r *pluginv1.WriteBatchRequest) (*pluginv1.WriteBatchResponse, error) {
	batch := BatchOf(r.GetWrites())
	if err := batch.Check(); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := s.db.Write(ctx, batch, database.Sync); err != nil {
		return nil, toStatus(err)
	}
	return &pluginv1.WriteBatchResponse{}, nil
}

// NewSnapshot pins the state.
func (s *Service) NewSnapshot(ctx context.Context, _ *pluginv1.NewSnapshotRequest) (*pluginv1.NewSnapshotResponse,
	error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.snapshots) >= maxSnapshots {
		return nil, status.Errorf(codes.ResourceExhausted, "%d snapshots are open; release some", maxSnapshots)
	}
	snapshot, err := s.db.Snapshot(ctx)
	if err != nil {
		return nil, toStatus(err)
	}
	s.last++
	s.snapshots[s.last] = snapshot
	return &pluginv1.NewSnapshotResponse{Snapshot: s.last}, nil
}

// ReleaseSnapshot lets one go.
func (s *Service) ReleaseSnapshot(_ context.Context,
	r *pluginv1.ReleaseSnapshotRequest) (*pluginv1.ReleaseSnapshotResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if snapshot, ok := s.snapshots[r.GetSnapshot()]; ok {
		delete(s.snapshots, r.GetSnapshot())
		snapshot.Close()
	}
	return &pluginv1.ReleaseSnapshotResponse{}, nil
}

// BatchOf is the batch that the protocol's writes stand for.
func BatchOf(writes []*pluginv1.Write) *database.Batch {
	var b database.Batch
	for _, w := range writes {
		if w.GetDelete() {
			b.Delete(w.GetKey())
		} else {
			b.Put(w.GetKey(), w.GetValue())
		}
	}
	return &b
}

// WritesOf is a batch in the protocol's words.
func WritesOf(b *database.Batch) []*pluginv1.Write {
	block := make([]pluginv1.Write, b.Len())
	writes := make([]*pluginv1.Write, b.Len())
	for i, op := range b.Ops() {
		block[i].Key, block[i].Value, block[i].Delete = op.Key, op.Value, op.Delete
		writes[i] = &block[i]
	}
	return writes
}
