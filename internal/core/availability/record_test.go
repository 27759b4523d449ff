package availability

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func example() Record {
	return Record{
		Candidate: hash("c"), State: Unfinalized, Since: time.Hour, Validators: 10, Bytes: 12345, Data: true,
		Chunks: primitives.NewBits(10, 0, 9), Blocks: []Block{block(1, "a"), block(2, "b")},
	}
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	for name, r := range map[string]Record{
		"full": example(), "empty": {Candidate: hash("d"), State: Backed, Validators: 4},
	} {
		got, err := DecodeRecord(r.Candidate, r.Encode())
		if diff := cmp.Diff(r, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
}

func TestBytesThatAreNoRecordAreAnError(t *testing.T) {
	for name, change := range map[string]func(*Record){
		"an unknown state":                 func(r *Record) { r.State = states },
		"an age below zero":                func(r *Record) { r.Since = -1 },
		"a size below zero":                func(r *Record) { r.Bytes = -1 },
		"chunks of other validators":       func(r *Record) { r.Chunks = primitives.NewBits(11) },
		"a bit past the end":               func(r *Record) { r.Chunks.Bytes = []byte{0, 255} },
		"blocks that have no meaning":      func(r *Record) { r.State = Backed },
		"no block where one has to be":     func(r *Record) { r.Blocks = nil },
		"blocks out of order":              func(r *Record) { r.Blocks[0], r.Blocks[1] = r.Blocks[1], r.Blocks[0] },
		"a block twice":                    func(r *Record) { r.Blocks[0] = r.Blocks[1] },
		"more blocks than are remembered":  func(r *Record) { r.Blocks = make([]Block, maxBlocks+1) },
		"fewer bytes of chunks than said":  func(r *Record) { r.Chunks.Bytes, r.Blocks = nil, nil },
		"bytes that are part of no block":  func(r *Record) { r.Chunks.Bytes = make([]byte, 5) },
		"more chunks than there are bytes": func(r *Record) { r.Chunks.Length = 1<<32 - 1 },
	} {
		r := example()
		change(&r)
		if got, err := DecodeRecord(r.Candidate, r.Encode()); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	r := example()
	for at, b := range []byte{0: 2, 2: 3} {
		if b > 0 {
			other := r.Encode()
			other[at] = b
			if _, err := DecodeRecord(r.Candidate, other); err == nil {
				t.Errorf("byte %d may be %d", at, b)
			}
		}
	}
	if _, err := DecodeRecord(r.Candidate, r.Encode()[:recordHead-1]); err == nil {
		t.Error("half a head is a record")
	}
}

func TestOnlyOneRowOfBytesIsARecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := example()
		b := r.Encode()
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		b = b[:rapid.IntRange(0, len(b)).Draw(t, "length")]
		if got, err := DecodeRecord(r.Candidate, b); err == nil && !bytes.Equal(got.Encode(), b) {
			t.Fatalf("%x was read as %+v", b, got)
		}
	})
}
