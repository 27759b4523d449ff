package scaffold

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/reevenet/reeve/internal/process/errcode"
)

// needs are what a new module builds with, so that it asks nobody for anything.
type needs struct {
	GoVersion string
	// Needs are the modules that it needs, and no others, at the checkout's versions. Reeve itself isn't among them.
	Needs []module.Version
	// sums is their part of the checkout's go.sum.
	sums []byte
}

// needsFrom are those of a module that imports some of the checkout's packages.
func needsFrom(ctx context.Context, checkout string, imported []string) (n needs, err error) {
	if n.GoVersion, n.Needs, err = neededModules(ctx, checkout, imported); err != nil {
		return n, err
	}
	sums, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	n.sums = sumsOf(n.Needs, sums)
	return n, err
}

// neededModules asks the go command which modules the imported packages are made of, and which version of Go they are
// for.
func neededModules(ctx context.Context, checkout string, imported []string) (
	goVersion string, needed []module.Version, err error) {
	list := exec.CommandContext(ctx, "go", append([]string{"list", "-deps", "-f",
		"{{with .Module}}{{if .Main}}go {{.GoVersion}}{{else}}{{.Path}} {{.Version}}{{end}}{{end}}"}, imported...)...)
	list.Dir, list.Env = checkout, append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	var problem bytes.Buffer
	list.Stderr = &problem
	lines, err := list.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", nil, errcode.New(errcode.BadUsage, "Install Go (https://go.dev/dl) and have it in PATH.", nil,
			"a new module is built with the go command, which isn't there")
	}
	if err != nil {
		return "", nil, errcode.New(errcode.BadUsage, "Build Reeve there first: `make build`.", err,
			"the go command can't list what %s is made of: %s", checkout, strings.TrimSpace(problem.String()))
	}
	seen := map[module.Version]bool{}
	for line := range strings.Lines(string(lines)) {
		path, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		m := module.Version{Path: path, Version: version}
		switch {
		case path == "go":
			goVersion = version
		case path != "" && !seen[m]:
			seen[m] = true
			needed = append(needed, m)
		}
	}
	module.Sort(needed)
	return goVersion, needed, nil
}

// sumsOf is the part of a go.sum that is about these modules.
func sumsOf(modules []module.Version, sums []byte) (out []byte) {
	for line := range bytes.Lines(sums) {
		path, rest, _ := strings.Cut(string(line), " ")
		version, _, _ := strings.Cut(rest, " ")
		if slices.Contains(modules, module.Version{Path: path, Version: strings.TrimSuffix(version, "/go.mod")}) {
			out = append(out, line...)
		}
	}
	return out
}
