package candidate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

// longest sees that the most is written and read, and that more is neither written nor, where somebody else has forged
// the bytes, read.
func longest[T any](
	t *testing.T, what string, most, more T, write func(T) ([]byte, error), read func([]byte) (T, error), forged []byte,
) {
	t.Helper()
	b, err := write(most)
	if err != nil {
		t.Fatalf("the most %s: %v", what, err)
	}
	if _, err := read(b); err != nil {
		t.Errorf("the most %s, read: %v", what, err)
	}
	if _, err := write(more); !errors.Is(err, ErrMalformed) {
		t.Errorf("more %s: %v", what, err)
	}
	if _, err := read(forged); !errors.Is(err, ErrMalformed) {
		t.Errorf("more %s, read: %v", what, err)
	}
}

// oneMore is the bytes with another byte at the end, where the last part is.
func oneMore[T any](write func(T) ([]byte, error), value T) []byte {
	b, _ := write(value)
	return append(b, 1)
}

func TestAHeadMayBeSoLongAndNoLonger(t *testing.T) {
	head, more := make([]byte, MaxHeadData), make([]byte, MaxHeadData+1)
	most := Commitments{HeadData: head}
	longest(t, "head", most, Commitments{HeadData: more}, Commitments.Encode, DecodeCommitments,
		oneMore(Commitments.Encode, most))
	data := PersistedValidationData{ParentHead: head}
	longest(t, "head", data, PersistedValidationData{ParentHead: more}, PersistedValidationData.Encode,
		DecodePersistedValidationData, oneMore(PersistedValidationData.Encode, data))
}

func TestAProofOfValidityMayBeSoLongAndNoLonger(t *testing.T) {
	full := PersistedValidationData{ParentHead: make([]byte, MaxHeadData)}
	more := make([]byte, MaxPoV+1)
	for _, data := range []PersistedValidationData{{}, full} {
		most := AvailableData{PoV: more[:MaxPoV], ValidationData: data}
		longest(t, "proof", most, AvailableData{PoV: more, ValidationData: data}, AvailableData.Encode,
			DecodeAvailableData, oneMore(AvailableData.Encode, most))
	}
}

func TestMessagesMayBeSoManyAndSoLongAndTogetherNoLonger(t *testing.T) {
	encode := Commitments.Encode
	const count, length = headerSize + 4 + 1, headerSize + 4 + 1 + 4 // where they lie: of all, of the first
	many := Commitments{UpwardMessages: make([][]byte, MaxUpwardMessages)}
	forged, _ := encode(many)
	binary.BigEndian.PutUint32(forged[count:], MaxUpwardMessages+1)
	longest(t, "messages", many, Commitments{UpwardMessages: make([][]byte, MaxUpwardMessages+1)}, encode,
		DecodeCommitments, append(forged, 0, 0, 0, 0))

	long := make([]byte, MaxUpwardMessage+1)
	one := Commitments{UpwardMessages: [][]byte{long[:MaxUpwardMessage]}}
	forged, _ = encode(one)
	binary.BigEndian.PutUint32(forged[length:], MaxUpwardMessage+1)
	longest(t, "bytes of a message", one, Commitments{UpwardMessages: [][]byte{long}}, encode,
		DecodeCommitments, append(forged, 0))

	all := slices.Repeat([][]byte{long[:MaxUpwardMessage]}, 3)
	last := MaxCommitments - commitmentsSize - 3*(4+MaxUpwardMessage) - 4
	most := Commitments{UpwardMessages: append(slices.Clone(all), long[:last])}
	longest(t, "bytes in all", most, Commitments{UpwardMessages: append(slices.Clone(all), long[:last+1])}, encode,
		DecodeCommitments, oneMore(encode, most))
}

// What validation code yields may have no encoding; then there is no hash and no receipt of it either.
func TestWhatIsTooLongHasNoHash(t *testing.T) {
	long := make([]byte, MaxHeadData+1)
	c := CommittedReceipt{Commitments: Commitments{HeadData: long}}
	_, hash := c.Hash()
	_, bytes := c.Encode()
	_, of := c.Commitments.Hash()
	data := PersistedValidationData{ParentHead: long}
	_, validation := data.Hash()
	_, encoded := AvailableData{ValidationData: data}.Encode()
	check := AvailableData{ValidationData: data}.Check(Descriptor{})
	for i, err := range []error{hash, bytes, of, validation, encoded, check} {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestARefusalSaysWhatIsWrong(t *testing.T) {
	receipt, all := short(t).Encode(), committed(t)
	long, err := all.Encode()
	if err != nil {
		t.Fatal(err)
	}
	code, err := commitments.Encode()
	if err != nil {
		t.Fatal(err)
	}
	data, err := available.Encode()
	if err != nil {
		t.Fatal(err)
	}
	with := func(b []byte, at int, v byte) []byte {
		changed := bytes.Clone(b)
		changed[at] = v
		return changed
	}
	read := map[string]func([]byte) (any, error){}
	for _, f := range forms(t) {
		read[f.name] = f.read
	}
	bitfield, err := signbytes.Bitfield{Length: 1504, Bits: make([]byte, 188)}.Encode()
	if err != nil || len(bitfield) != signbytes.CollationSize {
		t.Fatalf("a bitfield as long as a collation has %d bytes, %v", len(bitfield), err)
	}
	for _, s := range []struct {
		of   string
		b    []byte
		says string
	}{
		{"receipt", slices.Concat(receipt[:2], bitfield, receipt[238:]), "the descriptor is a bitfield"},
		{"receipt", nil, "0 bytes aren't the length of receipt, which is 334 to 334"},
		{"receipt", with(receipt, 0, 2), "its version is 2"},
		{"receipt", with(receipt, 1, 5), "it is available data, not receipt"},
		{"receipt", with(receipt, 1, 9), "it is unknown kind 9, not receipt"},
		{"receipt", with(receipt, 2, 0), "the descriptor: not a canonical payload"},
		{"receipt", with(receipt, 9, 1), "the descriptor: not a canonical payload"},
		{"committed receipt", with(long, 2, 0), "the descriptor: not a canonical payload"},
		{"committed receipt", with(long, headerSize+descriptorSize, 0), "the commitments: "},
		{"commitments", with(code, 6, 2), "new code is there (1) or not (0), not 2"},
		{"commitments", code[:30], "it ends"},
		{"available data", with(data, 2, 1), "persisted validation data of 16777"},
		{"available data", with(data, 6, 2), "the persisted validation data: "},
		{"available data", with(data, 4, 1), "it ends"},
	} {
		if _, err := read[s.of](s.b); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), s.says) {
			t.Errorf("%s: %v should say %q", s.of, err, s.says)
		}
	}
}
