package erasure

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
)

const docs = "../../../docs/candidates.md"

var (
	update  = flag.Bool("update", false, "write the vectors in docs/candidates.md anew; that is a change of protocol")
	vectors = regexp.MustCompile("(?s)<!-- vectors of erasure codes -->\n```\n(.*?)```\n")
)

// A vector is codec, n, length of the data, length of a chunk, the root, and the last chunk's hash.
func TestTheVectorsOfTheDocumentAreWhatIsEncoded(t *testing.T) {
	page, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	now := "codec n data chunk root last-chunk\n"
	for _, codec := range []Codec{ClassicGF8, LeopardGF16} {
		for _, s := range []struct{ n, data int }{
			{1, 1}, {2, 60}, {3, 61}, {4, 1000}, {7, 1000}, {10, 1000}, {100, 5000}, {256, 5000},
		} {
			now += vectorOf(t, codec, s.n, s.data)
		}
	}
	now += vectorOf(t, LeopardGF16, 257, 5000) + vectorOf(t, LeopardGF16, 1000, 100_000)
	at := vectors.FindSubmatchIndex(page)
	if at == nil {
		t.Fatalf("%s has no vectors of erasure codes", docs)
	}
	if *update {
		page = slices.Concat(page[:at[2]], []byte(now), page[at[3]:])
		if err := os.WriteFile(docs, page, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(strings.Split(string(page[at[2]:at[3]]), "\n"), strings.Split(now, "\n")); d != "" {
		t.Errorf("the erasure code has changed (-document +now)\n%s", d)
	}
}

func vectorOf(t *testing.T, codec Codec, n, length int) string {
	c := coder(t, codec, n)
	coded := encode(t, c, content(length))
	last := coded.Chunk(n - 1).Bytes
	return fmt.Sprintf("%d %d %d %d %s %s\n", codec, n, length, len(last), coded.Root(), primitives.HashOf(last))
}

// The root by hand, from nothing but the documented rules.
func TestTheRootIsWhatTheDocumentSays(t *testing.T) {
	coded := encode(t, coder(t, ClassicGF8, 3), []byte("hello"))
	h := primitives.HashOf
	chunk := append([]byte("hello"), make([]byte, 59)...)
	chunk[63] = 5
	leaf, zero := h(chunk), make([]byte, 32) // with one data chunk the parity is the same chunk again
	left, right := h([]byte{1}, leaf[:], leaf[:]), h([]byte{1}, leaf[:], zero)
	top := h([]byte{1}, left[:], right[:])
	if want := h([]byte{2, 1, 0, 0, 0, 3, 0, 0, 0, 64}, top[:]); coded.Root() != want {
		t.Errorf("%s, not %s", coded.Root(), want)
	}
	want := []primitives.Hash{primitives.Hash(zero), left}
	if d := cmp.Diff(want, coded.Chunk(2).Proof); d != "" {
		t.Errorf("the last chunk's proof (-want +got)\n%s", d)
	}
}
