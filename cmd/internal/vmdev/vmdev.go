// Package vmdev is what the command line's `vm new`, `vm test` and `vm doctor` do: begin a VM of one's own, try it
// against the conformance kit, and find out why a plugin doesn't start.
package vmdev

import (
	"context"
	"embed"

	"github.com/reevenet/reeve/cmd/internal/scaffold"
)

//go:embed template
var templates embed.FS

// kind is a VM as `vm new` makes it.
var kind = scaffold.Kind{
	What: "VM", Imported: []string{"./vmhost/vmsdk", "./vmhost/vmtest"}, Templates: templates,
	Files: []scaffold.File{
		{Template: "template/go.mod.tmpl", Name: "go.mod"}, {Template: "template/main.go.tmpl", Name: "main.go"},
		{Template: "template/vm.go.tmpl", Name: "vm.go"}, {Template: "template/block.go.tmpl", Name: "block.go"},
		{Template: "template/http.go.tmpl", Name: "http.go"}, {Template: "template/vm_test.go.tmpl", Name: "vm_test.go"},
		{Template: "template/vmtest.json.tmpl", Name: WorkFile}, {Template: "template/README.md.tmpl", Name: "README.md"},
		{Template: "template/gitignore.tmpl", Name: ".gitignore"},
	},
}

// New writes a VM of its own, a module that builds as it is, and returns its directory.
func New(ctx context.Context, m scaffold.Project) (dir string, err error) { return kind.New(ctx, m) }
