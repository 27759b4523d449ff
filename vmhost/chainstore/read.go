package chainstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// AtHeight is the entry of a height.
func (r *Record) AtHeight(ctx context.Context, height uint64) (*Entry, error) {
	switch last := r.Last(); {
	case last == nil || height > last.Height:
		return nil, ErrNotFound
	case height == last.Height:
		return last, nil
	}
	return r.stored(ctx, height)
}

func (r *Record) stored(ctx context.Context, height uint64) (*Entry, error) {
	b, err := r.db.Get(ctx, join(heightKey, binary.BigEndian.AppendUint64(nil, height)))
	if err != nil {
		return nil, err
	}
	return decode(height, b)
}

// ByBlockID is the entry of a consensus block.
func (r *Record) ByBlockID(ctx context.Context, id primitives.Hash) (*Entry, error) {
	return r.by(ctx, join(blockKey, id[:]))
}

// ByVMBlock is the entry of a VM block.
func (r *Record) ByVMBlock(ctx context.Context, id primitives.Hash) (*Entry, error) {
	return r.by(ctx, join(vmKey, id[:]))
}

func (r *Record) by(ctx context.Context, key []byte) (*Entry, error) {
	height, err := r.db.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if len(height) != 8 {
		return nil, damaged("an id in it leads to %d bytes", len(height))
	}
	at := binary.BigEndian.Uint64(height)
	switch last := r.Last(); {
	case last == nil || at > last.Height:
		return nil, ErrNotFound // not durable yet
	case at == last.Height:
		return last, nil
	}
	return r.mustHave(ctx, at)
}

// Ancestors are the entries from a consensus block downwards, at most so many, and so many bytes of blocks and
// certificates, but at least the first. The genesis block, which has no consensus block, isn't among them.
func (r *Record) Ancestors(ctx context.Context, id primitives.Hash, maxBlocks, maxBytes int) ([]*Entry, error) {
	e, err := r.ByBlockID(ctx, id)
	if err != nil {
		return nil, err
	}
	var entries []*Entry
	for size := 0; len(e.Consensus) > 0; {
		size += len(e.Consensus) + len(e.Certificate)
		if len(entries) > 0 && (size > maxBytes || len(entries) >= maxBlocks) {
			break
		}
		entries = append(entries, e)
		if e.Height == 0 {
			break
		}
		e, err = r.AtHeight(ctx, e.Height-1)
		if errors.Is(err, ErrNotFound) {
			break // below a synced state
		}
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// An entry is block id, VM block id, size of the consensus block, offset and size of the VM block in it, the consensus
// block, and the certificate, which is all that follows. Of an entry without a consensus block only the VM block
// follows, and the size of the consensus block is 0. Earlier versions wrote no certificate and don't see one: both read
// what the other has written.
const entryHeader = 32 + 32 + 4 + 4 + 4

func encode(e *Entry) []byte {
	payload, offset := e.Consensus, bytes.Index(e.Consensus, e.Content)
	if offset < 0 {
		payload, offset = join(e.Consensus, e.Content), len(e.Consensus)
	}
	b := make([]byte, 0, entryHeader+len(payload)+len(e.Certificate))
	b = append(b, e.BlockID[:]...)
	b = append(b, e.VMBlock[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Consensus)))
	b = binary.BigEndian.AppendUint32(b, uint32(offset))
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Content)))
	b = append(b, payload...)
	return append(b, e.Certificate...)
}

func decode(height uint64, b []byte) (*Entry, error) {
	if len(b) < entryHeader {
		return nil, damaged("the entry of height %d can't be read", height)
	}
	e := &Entry{Height: height}
	copy(e.BlockID[:], b)
	copy(e.VMBlock[:], b[32:])
	consensus, offset, size := int(binary.BigEndian.Uint32(b[64:])), int(binary.BigEndian.Uint32(b[68:])),
		int(binary.BigEndian.Uint32(b[72:]))
	payload := b[entryHeader:]
	if consensus > len(payload) || offset+size > len(payload) {
		return nil, damaged("the entry of height %d can't be read", height)
	}
	e.Consensus, e.Content = payload[:consensus:consensus], payload[offset:offset+size:offset+size]
	if end := max(consensus, offset+size); end < len(payload) {
		e.Certificate = payload[end:]
	}
	return e, nil
}
