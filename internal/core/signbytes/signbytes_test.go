package signbytes

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
)

var update = flag.Bool("update", false, "write testdata/vectors.txt anew; a changed vector is a change of protocol")

// counting gives a hash whose bytes count up from first, so that a swapped field shows.
func counting(first byte) (h primitives.Hash) {
	for i := range h {
		h[i] = first + byte(i)
	}
	return h
}

var vectors = []struct {
	name    string
	payload Payload
}{
	{"block/zero", Block{}},
	{
		"block",
		Block{
			NetworkID: 1,
			ChainID:   counting(0x10),
			Height:    2,
			ParentID:  counting(0x30),
			Slot:      3,
			Time:      1_700_000_000_000,
			BodyHash:  counting(0x50),
		},
	},
	{"block/max", Block{NetworkID: 1<<32 - 1, Height: 1<<64 - 1, Slot: 1<<64 - 1, Time: 1<<64 - 1}},
	{"statement/seconded", Statement{Context{7, counting(0x10)}, Seconded, counting(0x30)}},
	{"statement/valid", Statement{Context{7, counting(0x10)}, Valid, counting(0x30)}},
	{"statement/invalid", Statement{Context{7, counting(0x10)}, Invalid, counting(0x30)}},
	{"bitfield/empty", Bitfield{Context{7, counting(0x10)}, 0, []byte{}}},
	{"bitfield", Bitfield{Context{7, counting(0x10)}, 11, []byte{0b1010_0101, 0b101}}},
	{
		"collation",
		Collation{
			2000,
			counting(0x10),
			counting(0x30),
			counting(0x50),
			counting(0x70),
			counting(0x90),
			counting(0xb0),
			counting(0xd0),
		},
	},
	{"vote/prepare", Vote{1, counting(0x10), 2, 3, Prepare, counting(0x30)}},
	{"vote/commit", Vote{1<<32 - 1, counting(0x10), 1<<64 - 1, 1<<32 - 1, Commit, counting(0x30)}},
	{"vote/none", Vote{NetworkID: 1, ChainID: counting(0x10), Height: 2, Phase: Commit}},
}

// A vector is a line: its name, the bytes, and their hash.
func TestVectors(t *testing.T) {
	const path = "testdata/vectors.txt"
	var lines []string
	for _, v := range vectors {
		b, err := v.payload.Encode()
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		lines = append(lines, fmt.Sprintf("%s %x %s", v.name, b, primitives.HashOf(b)))
	}
	text := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("what is signed has changed (-committed +now):\n%s", diff)
	}
}

func TestVectorsDecodeToWhatTheyEncode(t *testing.T) {
	f, err := os.Open("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	for _, v := range vectors {
		if !scan.Scan() {
			t.Fatal("testdata/vectors.txt ends early")
		}
		b, err := hex.DecodeString(strings.Fields(scan.Text())[1])
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		if diff := cmp.Diff(v.payload, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", v.name, diff)
		}
	}
}

// Changing any bit gives bytes that are no payload, or those of another payload: nothing in the bytes goes unread.
func TestEveryBitCounts(t *testing.T) {
	for _, v := range vectors {
		b, _ := v.payload.Encode()
		for i := range 8 * len(b) {
			b[i/8] ^= 1 << (i % 8)
			if got, err := Decode(b); err == nil && cmp.Equal(got, v.payload) {
				t.Errorf("%s: bit %d doesn't count", v.name, i)
			}
			b[i/8] ^= 1 << (i % 8)
		}
	}
}

func TestWhatHasNoEncoding(t *testing.T) {
	for name, p := range map[string]Payload{
		"no verdict":           Statement{},
		"an unknown verdict":   Statement{Verdict: 4},
		"no phase":             Vote{},
		"an unknown phase":     Vote{Phase: 3},
		"too many bits":        Bitfield{Length: MaxBits + 1, Bits: make([]byte, MaxBits/8+1)},
		"too few bytes":        Bitfield{Length: 9, Bits: []byte{1}},
		"too many bytes":       Bitfield{Length: 8, Bits: []byte{1, 0}},
		"a bit after the last": Bitfield{Length: 3, Bits: []byte{0b1000}},
	} {
		if b, err := p.Encode(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: encoded as %x, %v", name, b, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors {
		b, _ := v.payload.Encode()
		f.Add(b)
		f.Add(b[:len(b)-1])
		f.Add(append(b, 0))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again, err := p.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x was accepted as %s, which encodes to %x (%v)", b, p, again, err)
		}
	})
}
