package guest_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
)

func TestParametersAreReadAsTheyWereWritten(t *testing.T) {
	for _, p := range []guest.Params{
		{ParentHead: []byte("head"), RelayParentNumber: 1 << 40, RelayParentStorageRoot: [32]byte{1, 2},
			BlockData: []byte("block")},
		{ParentHead: []byte{}, BlockData: []byte{}},
	} {
		got, err := guest.DecodeParams(p.Encode())
		if err != nil || !cmp.Equal(got, p) {
			t.Error(err, cmp.Diff(p, got))
		}
	}
}

func TestWhatIsNoParametersIsRefused(t *testing.T) {
	whole := guest.Params{ParentHead: []byte("head"), BlockData: []byte("block")}.Encode()
	other := append([]byte{2}, whole[1:]...)
	long := append([]byte{1, 0xff, 0xff, 0xff, 0xff}, whole[5:]...)
	for _, b := range [][]byte{nil, whole[:44], other, long} {
		if _, err := guest.DecodeParams(b); !errors.Is(err, guest.ErrMalformed) {
			t.Errorf("%x: %v", b, err)
		}
	}
}

func TestOutputsAreTheCanonicalCommitments(t *testing.T) {
	head, messages := []byte("head 8"), [][]byte{[]byte("first"), {}, []byte("third")}
	for _, code := range []*guest.Code{nil, {Hash: [32]byte{0x80, 0x81}, Size: 4096}} {
		o := guest.Outputs{HeadData: head, UpwardMessages: messages, NewValidationCode: code,
			ProcessedDownwardMessages: 3}
		c := candidate.Commitments{HeadData: head, UpwardMessages: messages, ProcessedDownwardMessages: 3}
		if code != nil {
			c.NewValidationCode = &candidate.Code{Hash: code.Hash, Size: code.Size}
		}
		want, err := c.Encode()
		if err != nil || !cmp.Equal(o.Encode(), want) {
			t.Error(err, cmp.Diff(want, o.Encode()))
		}
	}
}
