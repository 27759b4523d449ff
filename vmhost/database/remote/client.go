package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
)

// DefaultCacheSize is enough for the hot accounts of a busy chain and small beside a node.
const DefaultCacheSize = 32 << 20

// Client is the database as the VM sees it.
type Client struct {
	rpc    pluginv1.DatabaseServiceClient
	cache  *cache
	closed atomic.Bool
	// Alone says that nothing happens while a call lasts: Durable doesn't wait then, but answers ErrNotDurable.
	Alone bool
}

// NewClient uses the service behind conn, with a cache of so many bytes; 0 means DefaultCacheSize.
func NewClient(conn grpc.ClientConnInterface, cacheSize int) *Client {
	if cacheSize == 0 {
		cacheSize = DefaultCacheSize
	}
	return &Client{rpc: pluginv1.NewDatabaseServiceClient(conn), cache: newCache(cacheSize)}
}

// Stage shows the writes of a block of this height, whose commit is under way.
func (c *Client) Stage(height uint64, b *database.Batch) { c.cache.stage(height, b) }

// Settle says that the staged writes are in the host's database, durable or not.
func (c *Client) Settle() { c.cache.settle() }

// Committed says that the writes of all blocks up to this height are durable.
func (c *Client) Committed(height uint64) { c.cache.committed(height) }

// Get reads one key.
func (c *Client) Get(ctx context.Context, key []byte) ([]byte, error) {
	if c.closed.Load() {
		return nil, database.ErrClosed
	}
	if v, known := c.cache.get(key); known {
		if v == nil {
			return nil, database.ErrNotFound
		}
		return append([]byte{}, v...), nil
	}
	values, err := c.GetBatch(ctx, [][]byte{key})
	if err != nil {
		return nil, err
	}
	if values[0] == nil {
		return nil, database.ErrNotFound
	}
	return values[0], nil
}

// Has tells whether key exists.
func (c *Client) Has(ctx context.Context, key []byte) (bool, error) {
	_, err := c.Get(ctx, key)
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// GetBatch reads many keys with one call to the host for those that aren't cached.
func (c *Client) GetBatch(ctx context.Context, keys [][]byte) ([][]byte, error) {
	if c.closed.Load() {
		return nil, database.ErrClosed
	}
	values := make([][]byte, len(keys))
	missing, epoch := c.cache.getBatch(keys, values)
	if len(missing) == 0 {
		return values, nil
	}
	ask := make([][]byte, len(missing))
	for i, at := range missing {
		ask[i] = keys[at]
	}
	read, err := fetch(ctx, c.rpc, 0, ask)
	if err != nil {
		return nil, err
	}
	for i, at := range missing {
		values[at] = read[i]
		c.cache.fill(epoch, keys[at], entry(read[i]))
		if read[i] != nil {
			values[at] = append([]byte{}, read[i]...)
		}
	}
	return values, nil
}

// fetch asks the host, as often as its limits need.
func fetch(ctx context.Context, rpc pluginv1.DatabaseServiceClient, snapshot uint64, keys [][]byte) ([][]byte, error) {
	values := make([][]byte, 0, len(keys))
	for len(values) < len(keys) {
		rest := keys[len(values):]
		answer, err := rpc.GetBatch(ctx,
			&pluginv1.GetBatchRequest{Keys: rest[:min(len(rest), maxKeys)], Snapshot: snapshot})
		if err != nil {
			return nil, fmt.Errorf("database: %w", err)
		}
		if n := len(answer.GetValues()); n == 0 || n > len(rest) {
			return nil, fmt.Errorf("database: the host answered %d values for %d keys", n, len(rest))
		}
		for _, v := range answer.GetValues() {
			switch {
			case !v.GetFound():
				values = append(values, nil)
			case v.GetValue() == nil:
				values = append(values, []byte{})
			default:
				values = append(values, v.GetValue())
			}
		}
	}
	return values, nil
}

// Write is for what belongs to no block; a block's writes go into the batch of its Accept. It is durable in any case.
func (c *Client) Write(ctx context.Context, batch *database.Batch, _ database.Durability) error {
	if c.closed.Load() {
		return database.ErrClosed
	}
	if err := batch.Check(); err != nil {
		return err
	}
	if _, err := c.rpc.WriteBatch(ctx, &pluginv1.WriteBatchRequest{Writes: WritesOf(batch)}); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	c.cache.wrote(batch)
	return nil
}

// Iterate goes through committed state.
func (c *Client) Iterate(ctx context.Context, start, end []byte) database.Iterator {
	if c.closed.Load() {
		return &iterator{err: database.ErrClosed}
	}
	return iterate(ctx, c.rpc, start, end, 0)
}

// Snapshot pins committed state.
func (c *Client) Snapshot(ctx context.Context) (database.Snapshot, error) {
	if c.closed.Load() {
		return nil, database.ErrClosed
	}
	answer, err := c.rpc.NewSnapshot(ctx, &pluginv1.NewSnapshotRequest{})
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return &snapshot{rpc: c.rpc, id: answer.GetSnapshot()}, nil
}

// Close ends the use on this side.
func (c *Client) Close() error {
	c.closed.Store(true)
	return nil
}

// firstPage is how many bytes of a range are asked for with one call, as most ranges are short.
const firstPage = 32 << 10

// iterate begins a range. Its state is fixed when this returns: it has been read to its end or, of a longer one, the
// first page of a stream, which begins anew.
func iterate(ctx context.Context, rpc pluginv1.DatabaseServiceClient, start, end []byte,
	snapshot uint64) database.Iterator {
	page, err := rpc.Scan(ctx, &pluginv1.ScanRequest{Start: start, End: end, MaxBytes: firstPage, Snapshot: snapshot})
	if err != nil {
		return &iterator{err: fmt.Errorf("database: %w", err)}
	}
	if !page.GetMore() {
		return &iterator{page: page.GetEntries(), at: -1}
	}
	ctx, cancel := context.WithCancel(ctx)
	s, err := rpc.StreamRange(ctx, &pluginv1.StreamRangeRequest{Start: start, End: end, Snapshot: snapshot})
	if err != nil {
		cancel()
		return &iterator{err: fmt.Errorf("database: %w", err)}
	}
	it := &iterator{stream: s, cancel: cancel}
	it.receive()
	return it
}

type iterator struct {
	stream pluginv1.DatabaseService_StreamRangeClient // nil: the page is all
	cancel func()
	page   []*pluginv1.Entry
	at     int
	end    bool
	err    error
}

// receive takes the next page. The end of the stream and an error both end the iterator.
func (it *iterator) receive() {
	answer, err := it.stream.Recv()
	switch {
	case errors.Is(err, io.EOF):
		it.end = true
	case err != nil:
		it.end, it.err = true, fmt.Errorf("database: %w", err)
	}
	it.page, it.at = answer.GetEntries(), -1
}

func (it *iterator) Next() bool {
	for !it.end {
		if it.at++; it.at < len(it.page) {
			return true
		}
		if it.stream == nil {
			it.end = true
		} else {
			it.receive()
		}
	}
	return false
}

func (it *iterator) Key() []byte   { return it.page[it.at].GetKey() }
func (it *iterator) Value() []byte { return it.page[it.at].GetValue() }
func (it *iterator) Err() error    { return it.err }

func (it *iterator) Close() error {
	it.end = true
	if it.cancel != nil {
		it.cancel()
	}
	return nil
}

// CachedBytes is what the cache holds, for metrics and tests.
func (c *Client) CachedBytes() int { return c.cache.bytes() }
