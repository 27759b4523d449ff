package driver

import (
	"errors"
	"time"

	"github.com/reevenet/reeve/internal/store/blob"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// Blobs is a node's store of large things. Its methods may block, and may be called by any goroutine.
type Blobs interface {
	// Put keeps b for a holder until the lease is over, and returns the reference that messages carry in its place.
	Put(holder string, b []byte, lease time.Duration) (*primitivesv1.BlobRef, error)
	// Get gives n bytes from offset on, or all from there when n is negative.
	Get(ref *primitivesv1.BlobRef, offset uint64, n int64) (Blob, error)
	// Hold makes the holder's lease end no sooner than after d from now.
	Hold(holder string, ref *primitivesv1.BlobRef, d time.Duration) error
	// Release ends the holder's lease.
	Release(holder string, ref *primitivesv1.BlobRef) error
}

// Blob is a part of a blob in memory, until it is closed.
type Blob interface {
	Bytes() []byte
	Close() error
}

// OpenBlobs opens the store of a machine: a directory that all processes of a node share. It is made if need be.
func OpenBlobs(dir string) (Blobs, error) {
	d, err := blob.Open(blob.Config{Dir: dir})
	return blobs{d}, err
}

// NewBlobs makes the store of a node in memory, in which it is as late as now says.
func NewBlobs(now func() time.Time) Blobs { return blobs{blob.NewMemory(blob.Limits{}, now)} }

// blobs is a store as messages speak of it.
type blobs struct{ blob.Store }

func (s blobs) Put(holder string, b []byte, lease time.Duration) (*primitivesv1.BlobRef, error) {
	ref, err := s.Store.Put(holder, b, lease)
	if err != nil {
		return nil, err
	}
	return ref.Proto(), nil
}

func (s blobs) Get(ref *primitivesv1.BlobRef, offset uint64, n int64) (Blob, error) {
	r, err := blob.RefOf(ref)
	if err != nil {
		return nil, err
	}
	v, err := s.Store.Get(r, offset, n)
	if err != nil {
		return nil, err // not a Blob that is nil
	}
	return v, nil
}

func (s blobs) Hold(holder string, ref *primitivesv1.BlobRef, d time.Duration) error {
	r, err := blob.RefOf(ref)
	if err != nil {
		return err
	}
	return s.Store.Hold(holder, r, d)
}

func (s blobs) Release(holder string, ref *primitivesv1.BlobRef) error {
	r, err := blob.RefOf(ref)
	if err != nil {
		return err
	}
	return s.Store.Release(holder, r)
}

// noBlobs is what a machine has that was given no store.
type noBlobs struct{}

var errNoBlobs = errors.New("this process has no blob store: give it the directory that the node's processes share " +
	"(Options.Blobs, REEVE_BLOBS)")

func (noBlobs) Put(string, []byte, time.Duration) (*primitivesv1.BlobRef, error) {
	return nil, errNoBlobs
}
func (noBlobs) Get(*primitivesv1.BlobRef, uint64, int64) (Blob, error)  { return nil, errNoBlobs }
func (noBlobs) Hold(string, *primitivesv1.BlobRef, time.Duration) error { return errNoBlobs }
func (noBlobs) Release(string, *primitivesv1.BlobRef) error             { return errNoBlobs }
