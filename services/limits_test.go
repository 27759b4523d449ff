package services_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const limits = "../docs/limits.md"

var (
	limitsPackage = regexp.MustCompile("^## `([^`]+)`$")
	limitsName    = regexp.MustCompile("`([A-Za-z0-9_]+)`")
)

// TestEveryLimitHasItsNameAndATestThatFillsIt reads docs/limits.md: each line of a table names what bounds it in its
// package, and the tests that fill it there.
func TestEveryLimitHasItsNameAndATestThatFillsIt(t *testing.T) {
	text, err := os.ReadFile(limits)
	if err != nil {
		t.Fatal(err)
	}
	folder, lines := "", 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if m := limitsPackage.FindStringSubmatch(line); m != nil {
			folder = m[1]
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 4 || cells[0] == "---" || strings.TrimSpace(cells[3]) == "test" {
			continue
		}
		lines++
		names, tests := limitsName.FindAllStringSubmatch(cells[2], -1), limitsName.FindAllStringSubmatch(cells[3], -1)
		if len(names) == 0 || len(tests) == 0 {
			t.Errorf("%s: %s has no name, or no test", folder, cells[0])
		}
		declared := declarations(t, "../"+folder)
		for _, n := range names {
			if !declared[n[1]] {
				t.Errorf("%s declares no %s", folder, n[1])
			}
		}
		for _, n := range tests {
			if !declared["func "+n[1]] {
				t.Errorf("%s has no test %s", folder, n[1])
			}
		}
	}
	if lines < 40 {
		t.Errorf("%d limits were read", lines)
	}
}

// declarations are the names that a package's code declares, at any depth, and "func " and the name of its tests.
func declarations(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(folder + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", folder, err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		test := strings.HasSuffix(file, "_test.go")
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if test {
					names["func "+n.Name.Name] = true
				} else {
					names[n.Name.Name] = true
				}
			case *ast.ValueSpec:
				for _, name := range n.Names {
					names[name.Name] = names[name.Name] || !test
				}
			case *ast.TypeSpec:
				names[n.Name.Name] = names[n.Name.Name] || !test
			case *ast.Field:
				for _, name := range n.Names {
					names[name.Name] = names[name.Name] || !test
				}
			}
			return true
		})
	}
	return names
}

// peersBytesReach are the folders whose code decodes what peers send, or could.
var peersBytesReach = []string{
	"../services/engine", "../services/networkbridge", "../vmhost/kvvm", "../internal/core", "../internal/parachain",
	"../services/availabilitydistribution", "../services/bitfielddistribution", "../services/candidateselection",
	"../services/collator", "../services/povdistribution", "../services/statementdistribution",
}

// TestWhatPeersSendIsDecodedWithinABudget looks through everything that peers' bytes reach: nobody there decodes
// protobuf but by way of internal/bus/decode, which looks at the bytes before anything is allocated.
func TestWhatPeersSendIsDecodedWithinABudget(t *testing.T) {
	decoders := 0
	for _, folder := range peersBytesReach {
		err := filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok || !strings.HasPrefix(s.Sel.Name, "Unmarshal") {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "decode" {
					decoders++
				} else if ok && (x.Name == "proto" || x.Name == "protojson" || x.Name == "prototext") {
					t.Errorf("%s decodes without a budget", file)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if decoders < 14 {
		t.Errorf("%d decoders were found", decoders)
	}
}
