package erasure

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
)

func TestDataMayBeSoLongAndNoLonger(t *testing.T) {
	c := coder(t, ClassicGF8, 4)
	longest := make([]byte, MaxData+1)
	longest[MaxData-1] = 1
	var coded, got Coded
	if err := c.Encode(longest[:MaxData], &coded); err != nil || len(coded.Chunk(3).Bytes) != c.ChunkSize(MaxData) {
		t.Fatalf("the longest: %v", err)
	}
	root := coded.Root()
	if err := c.Recover(root, all(&coded)[2:], &got); err != nil || !bytes.Equal(got.Data(), longest[:MaxData]) {
		t.Fatalf("the longest, recovered: %v", err)
	}
	if err := c.Encode(longest, &coded); !errors.Is(err, ErrSize) || len(coded.Data()) != 0 {
		t.Errorf("a byte more: %v", err)
	}
	if err := c.Encode(nil, &coded); !errors.Is(err, ErrSize) {
		t.Errorf("nothing: %v", err)
	}
}

func TestASessionMayHaveSoManyChunksAndNoMore(t *testing.T) {
	c := coder(t, LeopardGF16, MaxChunks)
	coded := encode(t, c, content(10_000))
	var got Coded
	if err := c.Recover(coded.Root(), all(coded)[MaxChunks-c.k:], &got); err != nil {
		t.Errorf("the most: %v", err)
	}
	for _, s := range []struct {
		codec Codec
		n     int
	}{
		{LeopardGF16, MaxChunks + 1}, {LeopardGF16, 0}, {LeopardGF16, -1},
		{ClassicGF8, maxClassic + 1}, {ClassicGF8, 0}, {0, 4}, {3, 4},
	} {
		if _, err := New(s.codec, s.n); !errors.Is(err, ErrSession) {
			t.Errorf("%d chunks of %s: %v", s.n, s.codec, err)
		}
	}
}

func TestTheCodecOfASessionFollowsFromItsValidators(t *testing.T) {
	for n, want := range map[int]Codec{1: ClassicGF8, 256: ClassicGF8, 257: LeopardGF16, MaxChunks: LeopardGF16} {
		if got := CodecFor(n); got != want {
			t.Errorf("%d validators: %s", n, got)
		}
		if c := coder(t, CodecFor(n), n); c.Chunks() != n {
			t.Errorf("%d chunks of %d", c.Chunks(), n)
		}
	}
	for n, want := range map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 6: 2, 7: 3, 10: 4, 100: 34, 1000: 334} {
		if got := DataChunks(n); got != want {
			t.Errorf("%d chunks: %d are enough, not %d", n, want, got)
		}
	}
}

// Encoding into memory that was used before must not cost megabytes each time.
func TestEncodingAgainAllocatesNextToNothing(t *testing.T) {
	c, data := coder(t, ClassicGF8, 100), content(1_000_000)
	coded := encode(t, c, data)
	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.TotalAlloc
	}
	before := allocated()
	for range 10 {
		if err := c.Encode(data, coded); err != nil {
			t.Fatal(err)
		}
	}
	if more := allocated() - before; more > 5*uint64(len(data)) {
		t.Errorf("10 times %d bytes have taken %d", len(data), more)
	}
}

// Peers choose which chunks arrive, so there are more sets of them than memory.
func TestNothingIsKeptOfWhichChunksThereWere(t *testing.T) {
	c := coder(t, ClassicGF8, 100)
	coded := encode(t, c, content(5000))
	var into Coded
	live := func(sets, seed int) int64 {
		for i := range sets {
			places := rand.New(rand.NewPCG(uint64(seed), uint64(i))).Perm(c.n)[:c.k]
			if err := c.Recover(coded.Root(), chunks(coded, places...), &into); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live(10, 1)
	if grown := live(300, 2) - before; grown > 1<<20 {
		t.Errorf("300 sets of chunks leave %d bytes", grown)
	}
}
