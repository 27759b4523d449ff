package database

import "fmt"

// Op is one change of a batch.
type Op struct {
	Key, Value []byte
	Delete     bool
}

// Batch collects changes that happen together, in order. The zero value is an empty batch. Not for concurrent use.
type Batch struct {
	ops  []Op
	size int
}

// Put sets a key. Key and value are kept, not copied: the caller must not change them before the batch is written.
func (b *Batch) Put(key, value []byte) {
	b.ops = append(b.ops, Op{Key: key, Value: value})
	b.size += len(key) + len(value)
}

// Delete removes a key, if it is there.
func (b *Batch) Delete(key []byte) {
	b.ops = append(b.ops, Op{Key: key, Delete: true})
	b.size += len(key)
}

// Ops are the changes in order. They belong to the batch.
func (b *Batch) Ops() []Op { return b.ops }

// Len is the number of changes.
func (b *Batch) Len() int { return len(b.ops) }

// Size is the sum of the lengths of keys and values, in bytes.
func (b *Batch) Size() int { return b.size }

// Reset empties the batch for reuse.
func (b *Batch) Reset() { b.ops, b.size = b.ops[:0], 0 }

// Check tells whether every implementation can take the batch.
func (b *Batch) Check() error {
	if b.size > MaxBatchSize {
		return fmt.Errorf("database: the batch has %d bytes; at most %d are allowed", b.size, MaxBatchSize)
	}
	for i, op := range b.ops {
		if len(op.Key) == 0 || len(op.Key) > MaxKeySize {
			return fmt.Errorf("database: change %d has a key of %d bytes; 1 to %d are allowed", i, len(op.Key),
				MaxKeySize)
		}
		if len(op.Value) > MaxValueSize {
			return fmt.Errorf("database: change %d has a value of %d bytes; at most %d are allowed", i, len(op.Value),
				MaxValueSize)
		}
	}
	return nil
}
