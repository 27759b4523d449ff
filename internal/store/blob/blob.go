// Package blob is the node's store of large things: proofs of validity, available data, chunks, code. Put gives a
// reference, hash and size, that travels over the bus in the thing's place; Get gives the bytes to whoever has the
// reference.
//
// A blob lives as long as somebody holds a lease on it: a holder has one lease per blob, which ends by itself, and
// which only lengthens until it is released. The package knows nothing of what the bytes mean.
//
// Dir is the store of a machine, a directory that the node's processes share; Memory is that of a node in memory.
package blob

import (
	"errors"
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// Store is a node's store. Its methods may be called by any goroutine.
type Store interface {
	// Put keeps b for a holder until the lease is over. Putting what is there only adds the lease.
	Put(holder string, b []byte, lease time.Duration) (Ref, error)
	// Get gives n bytes from offset on, or all from there when n is negative.
	Get(ref Ref, offset uint64, n int64) (*View, error)
	// Hold makes the holder's lease on what is there end no sooner than after d from now.
	Hold(holder string, ref Ref, d time.Duration) error
	// Release ends the holder's lease. What no lease keeps goes with one of the next puts.
	Release(holder string, ref Ref) error
}

// Ref names a blob.
type Ref struct {
	Hash primitives.Hash
	Size uint64
}

// RefOf reads a reference out of a message.
func RefOf(m *primitivesv1.BlobRef) (Ref, error) {
	h, err := primitives.HashFrom(m.GetHash())
	if err != nil {
		return Ref{}, fmt.Errorf("%w: the reference names none: %w", ErrMissing, err)
	}
	return Ref{h, m.GetSize()}, nil
}

// Proto is the reference as it stands in messages.
func (r Ref) Proto() *primitivesv1.BlobRef {
	return &primitivesv1.BlobRef{Hash: r.Hash[:], Size: r.Size}
}

// Errors by which a caller decides what to do.
var (
	// ErrMissing: nobody has put it here, its leases are over, or it was damaged and has been removed.
	ErrMissing = errors.New("no such blob here: get it from whoever has it, and put it")
	// ErrTooLarge: it is longer than the store takes.
	ErrTooLarge = errors.New("blob too large: divide it")
	// ErrFull: the blobs that are held leave no room.
	ErrFull = errors.New("the blob store is full: release what isn't needed any more, and put it again later")
	// ErrRange: the wanted part lies outside the blob.
	ErrRange = errors.New("outside the blob")
)

// Limits are what a store takes. What is zero has a usable default.
type Limits struct {
	// MaxSize is the longest blob in bytes; default 64 MiB.
	MaxSize uint64
	// MaxTotal is how many bytes are kept; default 8 GiB.
	MaxTotal uint64
}

func (l Limits) withDefaults() Limits {
	if l.MaxSize == 0 {
		l.MaxSize = 64 << 20
	}
	if l.MaxTotal == 0 {
		l.MaxTotal = 8 << 30
	}
	return l
}

// takes tells whether a blob is no longer than the limit.
func (l Limits) takes(size uint64) error {
	if size > l.MaxSize {
		return fmt.Errorf("%w: %d bytes, at most %d are taken", ErrTooLarge, size, l.MaxSize)
	}
	return nil
}

func missing(ref Ref) error { return fmt.Errorf("%w (%s)", ErrMissing, ref.Hash.Short()) }

// part is what Get gives of all bytes of a blob.
func part(all []byte, ref Ref, offset uint64, n int64) ([]byte, error) {
	end := uint64(len(all))
	switch {
	case offset > end, n >= 0 && uint64(n) > end-offset:
		return nil, fmt.Errorf("%w: %d bytes from %d of %d", ErrRange, n, offset, ref.Size)
	case n >= 0:
		end = offset + uint64(n)
	}
	return all[offset:end:end], nil
}

// View is a part of a blob in memory. The bytes may not be written to, and may not be touched after Close. They stay
// while the view is open, though the blob's leases may end.
type View struct {
	bytes  []byte
	mapped []byte
}

// Bytes is the part that was asked for.
func (v *View) Bytes() []byte { return v.bytes }

// Close lets go of the memory. A second call does nothing.
func (v *View) Close() error {
	m := v.mapped
	v.bytes, v.mapped = nil, nil
	return unmap(m)
}
