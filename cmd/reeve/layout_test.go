package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/reevenet/reeve/"

// layers are the folders of the module from the lowest up: a folder imports only what stands below it. proto and
// internal stand beside each other; inside internal the order is core, bus, store, process.
var layers = []string{"proto", "internal/core", "internal/bus", "internal/parachain", "internal/store",
	"internal/process", "overseer", "vmhost", "services", "cmd"}

// layerOf is the place of a folder's layer, -1 where it is in none.
func layerOf(dir string) int {
	return slices.IndexFunc(layers, func(l string) bool { return dir == l || strings.HasPrefix(dir, l+"/") })
}

// sources calls f with every Go file of the module, below its root, and with what it imports of the module.
func sources(t *testing.T, f func(file string, imports []string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(p, "go.mod"))
			if p != root && (err == nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" ||
				d.Name() == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(p) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, i := range file.Imports {
			at, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(at, module); ok {
				imports = append(imports, ours)
			}
		}
		rel, err := filepath.Rel(root, p)
		f(filepath.ToSlash(rel), imports)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Lint says the same for production code; this holds tests to it, too, and the folders inside internal.
func TestAFolderImportsOnlyWhatStandsBelowIt(t *testing.T) {
	files := 0
	sources(t, func(file string, imports []string) {
		files++
		from := layerOf(path.Dir(file))
		if from < 0 {
			t.Errorf("%s stands in no layer: put it below one of %v", file, layers)
		}
		for _, i := range imports {
			if layerOf(i) > from || layerOf(i) == 0 && strings.HasPrefix(layers[max(from, 0)], "internal/core") {
				t.Errorf("%s imports %s, which doesn't stand below it", file, i)
			}
		}
	})
	if files < 500 {
		t.Fatalf("saw only %d files", files)
	}
}

// The subsystems in services/ are siblings that send messages; what belongs to one of them stands in folders of its
// own.
// shared is what no service is: what the parts of the parachain host have in common, and what validation code is
// written with.
var shared = map[string]bool{
	"services/internal/leaf": true, "services/internal/fate": true, "services/internal/seat": true,
	"services/candidatevalidation/guest": true,
}

func TestNoServiceImportsAService(t *testing.T) {
	sources(t, func(file string, imports []string) {
		own := strings.Split(file, "/")
		if own[0] != "services" || len(own) < 3 || strings.HasSuffix(file, "_test.go") {
			return // tests have several meet over real bridges
		}
		for _, i := range imports {
			if to := strings.Split(i, "/"); to[0] == "services" && !shared[i] && (len(to) == 1 || to[1] != own[1]) {
				t.Errorf("%s imports %s: siblings send messages", file, i)
			}
		}
	})
}

var mapped = regexp.MustCompile("(?m)^\\| `([a-z/]+)/` \\|")

// The README's map names every folder of the first two floors, and nothing that isn't there.
func TestTheReadmesMapIsOfThisLayout(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range mapped.FindAllStringSubmatch(string(text), -1) {
		named[m[1]] = true
		if info, err := os.Stat(filepath.Join("../..", m[1])); err != nil || !info.IsDir() {
			t.Errorf("the README's map names %s, which isn't there", m[1])
		}
	}
	want := map[string]bool{}
	sources(t, func(file string, _ []string) {
		p := strings.Split(path.Dir(file), "/")
		switch {
		case p[0] == "proto":
			want["proto"] = true
		default:
			want[path.Join(p[:min(2, len(p))]...)] = true
		}
	})
	for dir := range want {
		if !named[dir] {
			t.Errorf("the README's map doesn't name %s", dir)
		}
	}
}
