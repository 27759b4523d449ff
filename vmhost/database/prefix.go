package database

import "context"

// WithPrefix is the part of a database whose keys begin with prefix, seen without it. Closing it closes nothing.
func WithPrefix(db Database, prefix []byte) Database {
	return &prefixed{prefixedReader{db, prefix}, db}
}

type prefixedReader struct {
	reader Reader
	prefix []byte
}

func (p prefixedReader) key(key []byte) []byte {
	return append(p.prefix[:len(p.prefix):len(p.prefix)], key...)
}

func (p prefixedReader) Get(ctx context.Context, key []byte) ([]byte, error) {
	return p.reader.Get(ctx, p.key(key))
}

func (p prefixedReader) Has(ctx context.Context, key []byte) (bool, error) {
	return p.reader.Has(ctx, p.key(key))
}

func (p prefixedReader) GetBatch(ctx context.Context, keys [][]byte) ([][]byte, error) {
	whole := make([][]byte, len(keys))
	for i, key := range keys {
		whole[i] = p.key(key)
	}
	return p.reader.GetBatch(ctx, whole)
}

func (p prefixedReader) Iterate(ctx context.Context, start, end []byte) Iterator {
	last := PrefixEnd(p.prefix)
	if end != nil {
		last = p.key(end)
	}
	return &prefixedIterator{p.reader.Iterate(ctx, p.key(start), last), len(p.prefix)}
}

type prefixedIterator struct {
	Iterator
	skip int
}

func (i *prefixedIterator) Key() []byte { return i.Iterator.Key()[i.skip:] }

type prefixed struct {
	prefixedReader
	db Database
}

func (p *prefixed) Write(ctx context.Context, batch *Batch, durability Durability) error {
	if err := batch.Check(); err != nil {
		return err
	}
	var whole Batch
	whole.Append(batch, p.prefix)
	return p.db.Write(ctx, &whole, durability)
}

func (p *prefixed) Snapshot(ctx context.Context) (Snapshot, error) {
	s, err := p.db.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &prefixedSnapshot{prefixedReader{s, p.prefix}, s}, nil
}

func (p *prefixed) Close() error { return nil }

type prefixedSnapshot struct {
	prefixedReader
	snapshot Snapshot
}

func (s *prefixedSnapshot) Close() error { return s.snapshot.Close() }

// Append adds the changes of other, their keys with prefix before them.
func (b *Batch) Append(other *Batch, prefix []byte) {
	for _, op := range other.ops {
		op.Key = append(prefix[:len(prefix):len(prefix)], op.Key...)
		b.ops = append(b.ops, op)
		b.size += len(op.Key) + len(op.Value)
	}
}
