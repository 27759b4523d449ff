// Package scaffold writes new Go modules that build against a checkout of Reeve's source: what `vm new` and `para new`
// have in common. It asks the go command what such a module needs, so that building it asks nobody for anything.
package scaffold

import (
	"bytes"
	"context"
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

// File is one of a new module, by the template that it is made of.
type File struct{ Template, Name string }

// Kind is a kind of module.
type Kind struct {
	// What people call it: "VM".
	What string
	// Imported are the packages of Reeve that it imports, relative to the checkout: "./vmhost/vmsdk".
	Imported []string
	// Templates is where the files' templates are.
	Templates fs.FS
	Files     []File
}

// Project says what is to be made.
type Project struct {
	// Name is its directory's: lower-case letters, digits and dashes.
	Name string
	// Dir is where the directory is made. Empty: the current directory.
	Dir string
	// Module is the Go module's path. Empty: the name.
	Module string
	// Checkout is the directory of Reeve's source that it builds against. Empty: looked for.
	Checkout string
}

var goodName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// New writes a module that builds as it is, and returns its directory.
func (k Kind) New(ctx context.Context, m Project) (dir string, err error) {
	if !goodName.MatchString(m.Name) {
		return "", errcode.New(errcode.BadUsage, "Use lower-case letters, digits and dashes, beginning with a letter.",
			nil, "%q can't be a %s's name", m.Name, k.What)
	}
	if m.Module == "" {
		m.Module = m.Name
	}
	if m.Checkout == "" {
		if m.Checkout, err = FindCheckout(); err != nil {
			return "", err
		}
	}
	checkout, err := filepath.Abs(m.Checkout)
	if err != nil {
		return "", err
	}
	if !isCheckout(checkout) {
		return "", errcode.New(errcode.BadUsage, "", nil, "%s isn't the top of Reeve's source", checkout)
	}
	n, err := needsFrom(ctx, checkout, k.Imported)
	if err != nil {
		return "", err
	}
	m.Checkout = modfile.AutoQuote(checkout)
	dir = filepath.Join(m.Dir, m.Name)
	if err := os.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
		return "", errcode.New(errcode.BadUsage, "Choose another name, or remove it.", nil, "%s is there already", dir)
	} else if err != nil {
		return "", err
	}
	return dir, k.write(dir, m, n)
}

func (k Kind) write(dir string, m Project, n needs) error {
	for _, f := range k.Files {
		t, err := template.ParseFS(k.Templates, f.Template)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, struct {
			Project
			needs
		}{m, n}); err != nil {
			return err
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
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
		"Reeve's source isn't found from here, and a new module is built against it")
}

func isCheckout(dir string) bool {
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && modfile.ModulePath(content) == reeveModule
}
