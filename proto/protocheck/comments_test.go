package protocheck

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What must be explained: everything that has a name of its own. Fields and values may share a comment with their
// neighbours.
var named = regexp.MustCompile(`^\s*(message|enum|service|rpc) (\w+)`)

// unexplained lists the declarations in the text of a .proto file that have no comment right above them. The messages
// that an rpc takes and gives are explained by the rpc.
func unexplained(text string, rpcs map[string]bool) []string {
	var bare []string
	above := ""
	for i, line := range strings.Split(text, "\n") {
		if m := named.FindStringSubmatch(line); m != nil && !strings.HasPrefix(above, "//") && !partOf(rpcs, m[2]) {
			bare = append(bare, fmt.Sprintf("line %d: %s %s", i+1, m[1], m[2]))
		}
		above = strings.TrimSpace(line)
	}
	return bare
}

func partOf(rpcs map[string]bool, name string) bool {
	for _, suffix := range []string{"Request", "Response"} {
		if rpc, ok := strings.CutSuffix(name, suffix); ok && rpcs[rpc] {
			return true
		}
	}
	return false
}

func rpcsOf(text string) map[string]bool {
	rpcs := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\s*rpc (\w+)`).FindAllStringSubmatch(text, -1) {
		rpcs[m[1]] = true
	}
	return rpcs
}

// protoFiles reads every .proto file, by package folder and path.
func protoFiles(t *testing.T) map[string]map[string]string {
	t.Helper()
	folders := map[string]map[string]string{}
	for _, pattern := range []string{"../reeve/*/v1/*.proto", "../reeve/*/*/v1/*.proto"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			folder := filepath.Dir(path)
			if folders[folder] == nil {
				folders[folder] = map[string]string{}
			}
			folders[folder][path] = string(text)
		}
	}
	if len(folders) < 15 {
		t.Fatalf("only %d packages were found: the search is broken", len(folders))
	}
	return folders
}

func TestEverythingIsExplained(t *testing.T) {
	for folder, files := range protoFiles(t) {
		introduced := false
		var all strings.Builder
		for _, text := range files {
			introduced = introduced || strings.HasPrefix(text, "// ")
			all.WriteString(text)
		}
		if !introduced {
			t.Errorf("no file of %s begins with what the package is for", folder)
		}
		for path, text := range files {
			for _, bare := range unexplained(text, rpcsOf(all.String())) {
				t.Errorf("%s: %s has no comment", path, bare)
			}
		}
	}
}

func TestAMissingCommentIsFound(t *testing.T) {
	text := "// Explained.\nmessage A {\n  enum B {\n  }\n}\n\nservice C {\n  // Explained.\n  rpc D(DRequest) returns (A);\n  rpc E(A) returns (A);\n}\n\nmessage DRequest {}\n"
	got := strings.Join(unexplained(text, rpcsOf(text)), "; ")
	if want := "line 3: enum B; line 7: service C; line 10: rpc E"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
