package blob

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Memory is the store of a node in memory: its time is its owner's.
type Memory struct {
	limits Limits
	now    func() time.Time

	mu    sync.Mutex
	blobs map[primitives.Hash]*kept
	bytes uint64
}

var _ Store = (*Memory)(nil)

// kept is one blob.
type kept struct {
	bytes []byte
	until map[string]time.Time // by holder
}

// NewMemory makes a store.
func NewMemory(limits Limits, now func() time.Time) *Memory {
	return &Memory{limits: limits.withDefaults(), now: now, blobs: map[primitives.Hash]*kept{}}
}

// Put is Store.Put.
func (m *Memory) Put(holder string, b []byte, lease time.Duration) (Ref, error) {
	ref := Ref{Hash: primitives.HashOf(b), Size: uint64(len(b))}
	if err := m.limits.takes(ref.Size); err != nil {
		return Ref{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep()
	if m.blobs[ref.Hash] == nil {
		if m.bytes+ref.Size > m.limits.MaxTotal {
			return Ref{}, fmt.Errorf("%w: %d of %d bytes are held and %d don't fit", ErrFull, m.bytes,
				m.limits.MaxTotal, ref.Size)
		}
		m.blobs[ref.Hash] = &kept{bytes: bytes.Clone(b), until: map[string]time.Time{}}
		m.bytes += ref.Size
	}
	return ref, m.hold(holder, ref, lease)
}

// sweep removes what no lease keeps.
func (m *Memory) sweep() {
	now := m.now()
	for h, k := range m.blobs {
		for holder, until := range k.until {
			if now.After(until) {
				delete(k.until, holder)
			}
		}
		if len(k.until) == 0 {
			delete(m.blobs, h)
			m.bytes -= uint64(len(k.bytes))
		}
	}
}

// Get is Store.Get.
func (m *Memory) Get(ref Ref, offset uint64, n int64) (*View, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep()
	k := m.blobs[ref.Hash]
	if k == nil {
		return nil, missing(ref)
	}
	if uint64(len(k.bytes)) != ref.Size {
		return nil, wrongSize(ref, len(k.bytes))
	}
	b, err := part(k.bytes, ref, offset, n)
	if err != nil {
		return nil, err
	}
	return &View{bytes: b}, nil
}

// Hold is Store.Hold.
func (m *Memory) Hold(holder string, ref Ref, d time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep()
	return m.hold(holder, ref, d)
}

func (m *Memory) hold(holder string, ref Ref, d time.Duration) error {
	k := m.blobs[ref.Hash]
	switch {
	case holder == "" || d <= 0:
		return badLease(holder, d)
	case k == nil:
		return missing(ref)
	}
	if until := m.now().Add(d); until.After(k.until[holder]) {
		k.until[holder] = until
	}
	return nil
}

// Release is Store.Release.
func (m *Memory) Release(holder string, ref Ref) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.blobs[ref.Hash]; k != nil {
		delete(k.until, holder)
	}
	return nil
}
