package httpdoor

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A server that isn't a door has no write deadline: whoever doesn't read there holds its connection, and those behind
// it, for ever.
func TestEveryHTTPServerIsADoor(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("../../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		for _, way := range []string{"http.Server{", "http.Serve(", "http.ListenAndServe("} {
			if strings.Contains(string(text), way) {
				seen++
				if file != "httpdoor.go" && !strings.HasSuffix(file, "internal/bus/httpdoor/httpdoor.go") {
					t.Errorf("%s serves HTTP in a way of its own", file)
				}
			}
		}
		return err
	})
	if err != nil || seen == 0 {
		t.Errorf("%d servers were found, %v", seen, err)
	}
}
