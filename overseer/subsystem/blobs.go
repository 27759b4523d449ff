package subsystem

import (
	"time"

	"github.com/reevenet/reeve/internal/store/blob"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// Errors of a node's blob store, by which a handler decides what to do.
var (
	ErrBlobMissing  = blob.ErrMissing  // get it from whoever has it, and put it
	ErrBlobTooLarge = blob.ErrTooLarge // divide it
	ErrBlobsFull    = blob.ErrFull     // release what isn't needed any more, and put it again later
	ErrBlobRange    = blob.ErrRange    // its size is not what the reference or the caller says
)

// Blobs is the node's store of large things, which messages name by reference: proofs of validity, chunks, code. A
// sender puts the bytes and sends the reference; a receiver gets them, or a part of them, without a copy. Both hold
// them by leases: the sender until the message is processed, the receiver, by Hold, for as long as it needs them. A
// lease is the subsystem's, not the instance's: it survives a restart, and ends by itself.
//
// The store may be slow, so everything is done off the loop and then called on it.
type Blobs struct {
	sub    *Sub
	holder string
}

// Blobs is the node's blob store.
func (s *Sub) Blobs() *Blobs {
	holder := s.Name()
	if c := s.out.Chain(); c != "" {
		holder += " of " + c
	}
	return &Blobs{sub: s, holder: holder}
}

// Blob is a part of a blob in memory. Its bytes may be read by any goroutine until Close, and never written to.
type Blob interface {
	Bytes() []byte
	Close() error
}

// Put keeps b until the lease is over and gives then the reference. b may not be written to until then.
func (b *Blobs) Put(bytes []byte, lease time.Duration, then func(ref *primitivesv1.BlobRef, err error)) {
	store := b.store()
	Offload(b.sub, func() (*primitivesv1.BlobRef, error) { return store.Put(b.holder, bytes, lease) }, then)
}

// Get gives then n bytes from offset on, or all from there when n is negative. Whoever gets them closes them.
func (b *Blobs) Get(ref *primitivesv1.BlobRef, offset uint64, n int64, then func(blob Blob, err error)) {
	store := b.store()
	Offload(b.sub, func() (driver.Blob, error) { return store.Get(ref, offset, n) },
		func(v driver.Blob, err error) { then(v, err) })
}

// Hold makes the subsystem's lease on a blob end no sooner than after lease from now.
func (b *Blobs) Hold(ref *primitivesv1.BlobRef, lease time.Duration, then func(err error)) {
	store := b.store()
	b.do(func() error { return store.Hold(b.holder, ref, lease) }, then)
}

// Release ends the subsystem's lease: the blob goes when nobody else holds it.
func (b *Blobs) Release(ref *primitivesv1.BlobRef) {
	store := b.store()
	b.do(func() error { return store.Release(b.holder, ref) }, func(err error) {
		if err != nil {
			b.sub.Log.Warn("a blob was not released: it stays until its lease is over", "err", err)
		}
	})
}

func (b *Blobs) store() driver.Blobs { return b.sub.out.Blobs() }

func (b *Blobs) do(work func() error, then func(error)) {
	Offload(b.sub, func() (struct{}, error) { return struct{}{}, work() }, func(_ struct{}, err error) { then(err) })
}
