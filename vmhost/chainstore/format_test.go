package chainstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
)

// before is an entry as versions without certificates wrote it, byte by byte.
func before(block, vm primitives.Hash, consensus, content string) []byte {
	b := append(bytes.Clone(block[:]), vm[:]...)
	payload, offset := consensus, bytes.Index([]byte(consensus), []byte(content))
	if offset < 0 {
		payload, offset = content, 0
	}
	for _, n := range []int{len(consensus), offset, len(content)} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return append(b, payload...)
}

func TestARecordOfAVersionWithoutCertificatesIsRead(t *testing.T) {
	chain, block, vm := primitives.Hash{1}, primitives.Hash{2}, primitives.Hash{3}
	db, height := memdb.New().Open(), binary.BigEndian.AppendUint64(nil, 0)
	var b database.Batch
	b.Put(chainKey, append([]byte{1}, chain[:]...))
	b.Put(join(heightKey, height), before(vm, vm, "", "genesis"))
	b.Put(join(blockKey, vm[:]), height)
	b.Put(join(vmKey, vm[:]), height)
	b.Put(lastKey, height)
	if err := db.Write(context.Background(), &b, database.Sync); err != nil {
		t.Fatal(err)
	}
	r, err := Open(context.Background(), db, chain)
	if err != nil {
		t.Fatal(err)
	}
	want := &Entry{BlockID: vm, VMBlock: vm, Consensus: []byte{}, Content: []byte("genesis")}
	if d := cmp.Diff(want, r.Last()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	next := &Entry{BlockID: block, VMBlock: primitives.Hash{4}, Height: 1, Consensus: []byte("(block)"), Content: []byte("block"),
		Certificate: []byte("signed")}
	if err := r.Commit(context.Background(), next, &database.Batch{}, database.Sync); err != nil {
		t.Fatal(err)
	}
	if r, err = Open(context.Background(), db, chain); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(next, r.Last()); d != "" {
		t.Errorf("what is put on it (-want +got)\n%s", d)
	}
}

// A version without certificates looks at the beginning of an entry only, which is as it was.
func TestAnEntryBeginsAsItDidBeforeThereWereCertificates(t *testing.T) {
	e := &Entry{BlockID: primitives.Hash{2}, VMBlock: primitives.Hash{3}, Consensus: []byte("(block)"),
		Content: []byte("block")}
	old := before(e.BlockID, e.VMBlock, "(block)", "block")
	if got := encode(e); !bytes.Equal(got, old) {
		t.Errorf("without a certificate: %x, want %x", got, old)
	}
	e.Certificate = []byte("signed")
	if got, want := encode(e), append(old, "signed"...); !bytes.Equal(got, want) {
		t.Errorf("with one: %x, want %x", got, want)
	}
}
