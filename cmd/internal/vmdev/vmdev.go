// Package vmdev is what the command line's `vm new`, `vm test` and `vm doctor` do: begin a VM of one's own, try it
// against the conformance kit, and find out why a plugin doesn't start.
package vmdev

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"text/template"

	"golang.org/x/mod/modfile"

	"github.com/reevenet/reeve/internal/process/errcode"
)

const reeveModule = "github.com/reevenet/reeve"

//go:embed template
var templates embed.FS

// files of a new VM, by template.
var files = []struct{ template, name string }{
	{"go.mod.tmpl", "go.mod"}, {"main.go.tmpl", "main.go"}, {"vm.go.tmpl", "vm.go"}, {"block.go.tmpl", "block.go"},
	{"http.go.tmpl", "http.go"}, {"vm_test.go.tmpl", "vm_test.go"}, {"vmtest.json.tmpl", WorkFile},
	{"README.md.tmpl", "README.md"}, {"gitignore.tmpl", ".gitignore"},
}

// NewVM says what `vm new` is to make.
type NewVM struct {
	// Name is the VM's and its directory's: lower-case letters, digits and dashes.
	Name string
	// Dir is where the directory is made. Empty: the current directory.
	Dir string
	// Module is the Go module's path. Empty: the name.
	Module string
	// Checkout is the directory of Reeve's source that the new module builds against. Empty: looked for.
	Checkout string
}

var goodName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// New writes a VM of its own, a module that builds as it is, and returns its directory.
func New(ctx context.Context, o NewVM) (dir string, err error) {
	if !goodName.MatchString(o.Name) {
		return "", errcode.New(errcode.BadUsage, "Use lower-case letters, digits and dashes, beginning with a letter.",
			nil,
			"%q can't be a VM's name", o.Name)
	}
	if o.Module == "" {
		o.Module = o.Name
	}
	if o.Checkout == "" {
		if o.Checkout, err = FindCheckout(); err != nil {
			return "", err
		}
	}
	checkout, err := filepath.Abs(o.Checkout)
	if err != nil {
		return "", err
	}
	if !isCheckout(checkout) {
		return "", errcode.New(errcode.BadUsage, "", nil, "%s isn't the top of Reeve's source", checkout)
	}
	n, err := needsFrom(ctx, checkout)
	if err != nil {
		return "", err
	}
	o.Checkout = modfile.AutoQuote(checkout)
	dir = filepath.Join(o.Dir, o.Name)
	if err := os.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
		return "", errcode.New(errcode.BadUsage, "Choose another name, or remove it.", nil, "%s is there already", dir)
	} else if err != nil {
		return "", err
	}
	return dir, write(dir, o, n)
}

func write(dir string, o NewVM, n needs) error {
	for _, f := range files {
		t, err := template.ParseFS(templates, "template/"+f.template)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, struct {
			NewVM
			needs
		}{o, n}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.name), out.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "go.sum"), n.sums, 0o644)
}

// FindCheckout looks for Reeve's source above the current directory and above the running program.
func FindCheckout() (string, error) {
	var starts []string
	if here, err := os.Getwd(); err == nil {
		starts = append(starts, here)
	}
	if self, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(self))
	}
	for _, dir := range starts {
		for ; ; dir = filepath.Dir(dir) {
			if isCheckout(dir) {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errcode.New(errcode.BadUsage, "Run this inside the source, or name its directory: --checkout.", nil,
		"Reeve's source isn't found from here, and a new VM is built against it")
}

func isCheckout(dir string) bool {
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && modfile.ModulePath(content) == reeveModule
}
