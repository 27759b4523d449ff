package candidate

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
)

func TestWhatIsReadIsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := CommittedReceipt{drawDescriptor.Draw(t, "descriptor"), drawCommitments.Draw(t, "commitments")}
		a := drawAvailable.Draw(t, "data")
		back(t, c, CommittedReceipt.Encode, DecodeCommittedReceipt)
		back(t, c.Commitments, Commitments.Encode, DecodeCommitments)
		back(t, a, AvailableData.Encode, DecodeAvailableData)
		back(t, a.ValidationData, PersistedValidationData.Encode, DecodePersistedValidationData)
		receipt, err := c.Receipt()
		if err != nil {
			t.Fatal(err)
		}
		back(t, receipt, func(r Receipt) ([]byte, error) { return r.Encode(), nil }, DecodeReceipt)
	})
}

// onlyCanonical reads any bytes: what is read is written as the same bytes, and everything else is malformed.
func (f form) onlyCanonical(t *testing.T, b []byte) {
	t.Helper()
	v, err := f.read(b)
	if err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Fatalf("%s: an error of another kind: %v", f.name, err)
		}
		return
	}
	if again, err := f.again(v); err != nil || !bytes.Equal(again, b) {
		t.Fatalf("%x was read as %s %+v, which is written %x (%v)", b, f.name, v, again, err)
	}
}

// The last part of some goes on to the end, so bytes more or fewer may be another value, and never the same.
func TestNoBitGoesUnreadAndNoByteMayFollowOrBeMissing(t *testing.T) {
	for _, f := range forms(t) {
		for i := range 8 * len(f.bytes) {
			changed := bytes.Clone(f.bytes)
			changed[i/8] ^= 1 << (i % 8)
			f.onlyCanonical(t, changed)
		}
		for i := range f.bytes {
			f.onlyCanonical(t, f.bytes[:i])
		}
		f.onlyCanonical(t, append(bytes.Clone(f.bytes), 0))
	}
}

func TestNoBytesAreTwoThings(t *testing.T) {
	for _, f := range forms(t) {
		for _, other := range forms(t) {
			if f.bytes[1] == other.bytes[1] {
				continue
			}
			if v, err := other.read(f.bytes); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s is read as %s: %+v, %v", f.name, other.name, v, err)
			}
		}
	}
}

func TestTheHashOfTheLongFormIsThatOfTheShort(t *testing.T) {
	c, r := committed(t), short(t)
	long, err := c.Hash()
	if err != nil || long != r.Hash() || long != primitives.HashOf(r.Encode()) {
		t.Errorf("%s and %s, %v", long, r.Hash(), err)
	}
	c.Commitments.ProcessedDownwardMessages++
	if other, _ := c.Hash(); other == long {
		t.Error("other commitments have the same candidate hash")
	}
	r.Descriptor.Signature[0] ^= 1
	if r.Hash() == long {
		t.Error("another signature has the same candidate hash")
	}
}

func TestACollatorsSignatureIsItsOwnAndOfThisCollation(t *testing.T) {
	d := signed(t)
	if !d.Verify() {
		t.Fatal("a good signature doesn't verify")
	}
	for what, change := range map[string]func(*Descriptor){
		"para":         func(d *Descriptor) { d.Collation.ParaID++ },
		"relay parent": func(d *Descriptor) { d.Collation.RelayParent[0] ^= 1 },
		"collator":     func(d *Descriptor) { d.Collation.Collator = counting(1) },
		"erasure root": func(d *Descriptor) { d.Collation.ErasureRoot[31] ^= 1 },
		"head":         func(d *Descriptor) { d.Collation.ParaHead[0] ^= 1 },
		"signature":    func(d *Descriptor) { d.Signature[63] ^= 1 },
		"all":          func(d *Descriptor) { *d = Descriptor{} },
	} {
		if d := signed(t); !d.Verify() {
			t.Fatal(what)
		} else if change(&d); d.Verify() {
			t.Errorf("it verifies with another %s", what)
		}
	}
}

func TestWhatADescriptorDoesNotNameIsNoticed(t *testing.T) {
	d, good := signed(t), available
	if err := good.Check(d); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		says   string
		change func(*AvailableData, *Descriptor)
	}{
		{"the proof of validity is", func(a *AvailableData, _ *Descriptor) { a.PoV = []byte("another") }},
		{"the proof of validity is", func(_ *AvailableData, d *Descriptor) { d.Collation.PoVHash[0] ^= 1 }},
		{"the persisted validation data is", func(a *AvailableData, _ *Descriptor) { a.ValidationData.MaxPoVSize++ }},
		{"has 101 bytes, at most 100", func(a *AvailableData, d *Descriptor) {
			a.PoV = make([]byte, 101)
			d.Collation.PoVHash = PoVHash(a.PoV)
		}},
	} {
		a, d := good, d
		s.change(&a, &d)
		if err := a.Check(d); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), s.says) {
			t.Errorf("%v should say %q", err, s.says)
		}
	}
	c := committed(t)
	if err := c.CheckHead(); err != nil {
		t.Error(err)
	}
	c.Commitments.HeadData = []byte("another")
	if err := c.CheckHead(); !errors.Is(err, ErrMismatch) {
		t.Errorf("another head: %v", err)
	}
}

func TestTheLongestAvailableDataCanBeErasureCoded(t *testing.T) {
	if MaxAvailableData > erasure.MaxData {
		t.Errorf("%d bytes, erasure codes have at most %d", MaxAvailableData, erasure.MaxData)
	}
}

func FuzzDecodeReceipt(f *testing.F)                 { fuzz(f, "receipt") }
func FuzzDecodeCommittedReceipt(f *testing.F)        { fuzz(f, "committed receipt") }
func FuzzDecodeCommitments(f *testing.F)             { fuzz(f, "commitments") }
func FuzzDecodePersistedValidationData(f *testing.F) { fuzz(f, "persisted validation data") }
func FuzzDecodeAvailableData(f *testing.F)           { fuzz(f, "available data") }
