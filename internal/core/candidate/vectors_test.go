package candidate

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
)

const docs = "../../../docs/candidates.md"

var (
	update = flag.Bool("update", false, "write the vectors in docs/candidates.md anew; that is a change of protocol")
	// vectors is the part of the page that is written and read here.
	vectors = regexp.MustCompile("(?s)<!-- vectors of candidates -->\n```\n(.*?)```\n")
)

// A vector is its name, the bytes in lines of 48, and their hash.
func vector(f form) string {
	lines := []string{f.name}
	for line := range slices.Chunk(f.bytes, 48) {
		lines = append(lines, fmt.Sprintf("  %x", line))
	}
	return strings.Join(append(lines, fmt.Sprintf("  sha256 %s\n", primitives.HashOf(f.bytes))), "\n")
}

func TestTheVectorsOfTheDocumentAreWhatIsWritten(t *testing.T) {
	page, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	var now strings.Builder
	for _, f := range forms(t) {
		now.WriteString(vector(f))
	}
	at := vectors.FindSubmatchIndex(page)
	if at == nil {
		t.Fatalf("%s has no vectors of candidates", docs)
	}
	if *update {
		page = slices.Concat(page[:at[2]], []byte(now.String()), page[at[3]:])
		if err := os.WriteFile(docs, page, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := differ(string(page[at[2]:at[3]]), now.String()); d != "" {
		t.Errorf("the encoding has changed (-document +now)\n%s", d)
	}
}

func TestTheVectorsOfTheDocumentAreReadAsTheCandidate(t *testing.T) {
	page, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	written, name := map[string][]byte{}, ""
	for line := range strings.Lines(string(vectors.FindSubmatch(page)[1])) {
		text, indented := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "  ")
		if !indented {
			name = text
			continue
		}
		hash, isHash := strings.CutPrefix(text, "sha256 ")
		b, err := hex.DecodeString(hash)
		switch {
		case err != nil:
			t.Fatal(err)
		case !isHash:
			written[name] = append(written[name], b...)
		case primitives.Hash(b) != primitives.HashOf(written[name]):
			t.Errorf("%s: the hash is another", name)
		}
	}
	for _, f := range forms(t) {
		got, err := f.read(written[f.name])
		if err != nil || !bytes.Equal(written[f.name], f.bytes) {
			t.Fatalf("%s: %v", f.name, err)
		}
		if d := differ(f.value, got); d != "" {
			t.Errorf("%s (-candidate +read)\n%s", f.name, d)
		}
	}
}
