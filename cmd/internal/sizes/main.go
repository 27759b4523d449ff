// Command sizes prints how long the files and functions of this module are, without tests and generated code: medians,
// 95th percentiles and the longest ones, beside what the project aims for. A mirror, not a gate.
package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// item is a file or a function with its number of lines.
type item struct {
	name  string
	lines int
}

func main() {
	files, functions, err := measure(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	print("files", files, 120, 400)
	print("functions", functions, 12, 50)
}

func measure(root string) (files, functions []item, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && isModule(path):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasSuffix(path, ".pb.go"):
			return nil
		}
		lines, funcs, err := parse(path)
		files = append(files, item{path, lines})
		functions = append(functions, funcs...)
		return err
	})
	return files, functions, err
}

// isModule tells whether a directory is a module of its own, and so not part of this one.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil || strings.HasPrefix(filepath.Base(dir), ".") || filepath.Base(dir) == "bin"
}

func parse(path string) (lines int, functions []item, err error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return 0, nil, err
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			from, to := set.Position(fn.Pos()), set.Position(fn.End())
			functions = append(functions,
				item{fmt.Sprintf("%s:%d %s", path, from.Line, fn.Name.Name), to.Line - from.Line + 1})
		}
	}
	return set.File(f.Pos()).LineCount(), functions, nil
}

func print(what string, list []item, median, high int) {
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b item) int { return cmp.Compare(a.lines, b.lines) })
	at := func(share int) int { return list[(len(list)-1)*share/100].lines }
	total := 0
	for _, i := range list {
		total += i.lines
	}
	fmt.Printf("%d %s, %d lines: median %d (aim %d), 95th percentile %d (aim %d)\n", len(list), what, total, at(50),
		median, at(95), high)
	for _, i := range list[max(0, len(list)-5):] {
		fmt.Printf("  %5d  %s\n", i.lines, i.name)
	}
}
