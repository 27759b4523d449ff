package candidate

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

var key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))

// counting gives a hash whose bytes count up from first, so that a swapped field shows.
func counting(first byte) (h primitives.Hash) {
	for i := range h {
		h[i] = first + byte(i)
	}
	return h
}

// The candidate of all stories: what the descriptor names is what is there.
var (
	validationData = PersistedValidationData{
		ParentHead: []byte("head 7"), RelayParentNumber: 1 << 40, RelayParentStorageRoot: counting(0x60),
		MaxPoVSize: 100,
	}
	available   = AvailableData{PoV: []byte("the para's block"), ValidationData: validationData}
	commitments = Commitments{
		HeadData:                  []byte("head 8"),
		UpwardMessages:            [][]byte{[]byte("first"), {}, []byte("third")},
		NewValidationCode:         &Code{Hash: counting(0x80), Size: 1 << 20},
		ProcessedDownwardMessages: 3,
	}
)

func signed(t interface{ Fatal(...any) }) Descriptor {
	h, err := validationData.Hash()
	if err != nil {
		t.Fatal(err)
	}
	d := Descriptor{Collation: signbytes.Collation{
		ParaID: 2000, RelayParent: counting(0x10), Collator: [32]byte(key.Public().(ed25519.PublicKey)),
		PersistedValidationDataHash: h, PoVHash: PoVHash(available.PoV), ErasureRoot: counting(0x30),
		ValidationCodeHash: counting(0x40), ParaHead: primitives.HashOf(commitments.HeadData),
	}}
	d.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(key, d.payload()))
	return d
}

func committed(t interface{ Fatal(...any) }) CommittedReceipt {
	return CommittedReceipt{Descriptor: signed(t), Commitments: commitments}
}

func short(t interface{ Fatal(...any) }) Receipt {
	r, err := committed(t).Receipt()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// form is one of the encodings: its bytes of the candidate of all stories, and what reads them and writes them again.
type form struct {
	name  string
	bytes []byte
	value any
	read  func([]byte) (any, error)
	again func(any) ([]byte, error)
}

func formOf[T any](
	t interface{ Fatal(...any) }, name string, value T, write func(T) ([]byte, error), read func([]byte) (T, error),
) form {
	b, err := write(value)
	if err != nil {
		t.Fatal(err)
	}
	return form{
		name, b, value,
		func(b []byte) (any, error) { return read(b) },
		func(v any) ([]byte, error) { return write(v.(T)) },
	}
}

func forms(t interface{ Fatal(...any) }) []form {
	plain := func(r Receipt) ([]byte, error) { return r.Encode(), nil }
	return []form{
		formOf(t, "receipt", short(t), plain, DecodeReceipt),
		formOf(t, "committed receipt", committed(t), CommittedReceipt.Encode, DecodeCommittedReceipt),
		formOf(t, "commitments", commitments, Commitments.Encode, DecodeCommitments),
		formOf(t, "commitments, least", Commitments{}, Commitments.Encode, DecodeCommitments),
		formOf(t, "persisted validation data", validationData, PersistedValidationData.Encode,
			DecodePersistedValidationData),
		formOf(t, "available data", available, AvailableData.Encode, DecodeAvailableData),
	}
}

func differ(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

// draw makes values of all kinds.
var (
	drawHash = rapid.Custom(func(t *rapid.T) primitives.Hash {
		return primitives.HashOf([]byte(rapid.String().Draw(t, "of")))
	})
	drawBytes       = rapid.SliceOfN(rapid.Byte(), 0, 100)
	drawCommitments = rapid.Custom(func(t *rapid.T) Commitments {
		c := Commitments{
			HeadData:                  drawBytes.Draw(t, "head"),
			UpwardMessages:            rapid.SliceOfN(drawBytes, 0, 5).Draw(t, "messages"),
			ProcessedDownwardMessages: rapid.Uint32().Draw(t, "processed"),
		}
		if rapid.Bool().Draw(t, "upgrade") {
			c.NewValidationCode = &Code{Hash: drawHash.Draw(t, "code"), Size: rapid.Uint64().Draw(t, "size")}
		}
		return c
	})
	drawDescriptor = rapid.Custom(func(t *rapid.T) Descriptor {
		h := drawHash
		d := Descriptor{Collation: signbytes.Collation{
			ParaID: rapid.Uint32().Draw(t, "para"), RelayParent: h.Draw(t, "relay parent"),
			Collator: h.Draw(t, "collator"), PersistedValidationDataHash: h.Draw(t, "validation data"),
			PoVHash: h.Draw(t, "pov"), ErasureRoot: h.Draw(t, "root"), ValidationCodeHash: h.Draw(t, "code"),
			ParaHead: h.Draw(t, "head"),
		}}
		first, second := h.Draw(t, "signature"), h.Draw(t, "signature")
		copy(d.Signature[:], first[:])
		copy(d.Signature[32:], second[:])
		return d
	})
	drawAvailable = rapid.Custom(func(t *rapid.T) AvailableData {
		return AvailableData{PoV: drawBytes.Draw(t, "pov"), ValidationData: PersistedValidationData{
			ParentHead: drawBytes.Draw(t, "head"), RelayParentNumber: rapid.Uint64().Draw(t, "number"),
			RelayParentStorageRoot: drawHash.Draw(t, "root"), MaxPoVSize: rapid.Uint32().Draw(t, "most"),
		}}
	})
)

// back writes a value, reads it and compares.
func back[T any](t *rapid.T, value T, write func(T) ([]byte, error), read func([]byte) (T, error)) {
	b, err := write(value)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := differ(value, got); d != "" {
		t.Fatalf("(-written +read)\n%s", d)
	}
}

func fuzz(f *testing.F, name string) {
	var these []form
	for _, form := range forms(f) {
		f.Add(form.bytes)
		f.Add(append(bytes.Clone(form.bytes), 0))
		if form.name == name {
			these = append(these, form)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, form := range these {
			form.onlyCanonical(t, b)
		}
	})
}
