package job

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFrameIsReadAsItWasWritten(t *testing.T) {
	for _, body := range [][]byte{{}, []byte("body"), make([]byte, MostSaid)} {
		var b bytes.Buffer
		if err := Write(&b, Run, body); err != nil {
			t.Fatal(err)
		}
		f, err := Read(&b, MostSaid)
		if want := (Frame{Run, body}); err != nil || !cmp.Equal(f, want) {
			t.Error(err, cmp.Diff(want, f))
		}
		if _, err := Read(&b, MostSaid); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
}

func TestAFrameMayBeSoLongAndNoLonger(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, Run, make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(bytes.NewReader(b.Bytes()), 8); !errors.Is(err, ErrBroken) {
		t.Error(err)
	}
	for cut := 1; cut < b.Len(); cut++ {
		if _, err := Read(bytes.NewReader(b.Bytes()[:cut]), 9); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of it: %v", cut, err)
		}
	}
}

func TestAVerdictIsReadAsItWasSaid(t *testing.T) {
	for _, kind := range []Kind{Returned, Declined, Trapped, Exhausted, BadReturn} {
		a := Answer{Kind: kind, Fuel: 1 << 40, Body: []byte("why")}
		if got, err := Verdict(a.Frame()); err != nil || !cmp.Equal(got, a) {
			t.Error(err, cmp.Diff(a, got))
		}
	}
}

func TestWhatIsNoVerdictIsRefused(t *testing.T) {
	for _, f := range []Frame{
		{Loaded, make([]byte, 8)}, {Unable, make([]byte, 8)}, {Malformed, make([]byte, 8)}, {0, make([]byte, 8)},
		{Returned, make([]byte, 7)}, {Trapped, make([]byte, fuelSize+MostDetail+1)},
	} {
		if _, err := Verdict(f); !errors.Is(err, ErrBroken) {
			t.Errorf("%q of %d bytes: %v", byte(f.Kind), len(f.Body), err)
		}
	}
}

// FuzzVerdict reads what a worker that isn't to be trusted may say.
func FuzzVerdict(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Add([]byte("t\x00\x00\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x01why"))
	f.Add([]byte("o\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, said []byte) {
		frame, err := Read(bytes.NewReader(said), MostSaid)
		if err != nil {
			return
		}
		a, err := Verdict(frame)
		if err == nil && !cmp.Equal(a.Frame(), frame) {
			t.Errorf("%v became %v", frame, a)
		}
	})
}
