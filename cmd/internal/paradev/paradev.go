// Package paradev is what the command line does for a parachain's team: begin a parachain of one's own (`para new`),
// bring it onto a relay chain (`para register`), and look how it is there (`para status`). Of a relay chain it sees what
// everybody sees, over HTTP.
package paradev

import (
	"context"
	"embed"

	"github.com/reevenet/reeve/cmd/internal/scaffold"
)

//go:embed template
var templates embed.FS

// kind is a parachain as `para new` makes it.
var kind = scaffold.Kind{
	What:      "parachain",
	Imported:  []string{"./services/collator/para", "./services/candidatevalidation/guest"},
	Templates: templates,
	Files: []scaffold.File{
		{Template: "template/go.mod.tmpl", Name: "go.mod"}, {Template: "template/main.go.tmpl", Name: "main.go"},
		{Template: "template/chain.go.tmpl", Name: "chain.go"}, {Template: "template/http.go.tmpl", Name: "http.go"},
		{Template: "template/chain_test.go.tmpl", Name: "chain_test.go"},
		{Template: "template/rules.go.tmpl", Name: "rules/rules.go"},
		{Template: "template/rules_test.go.tmpl", Name: "rules/rules_test.go"},
		{Template: "template/validation.go.tmpl", Name: "validation/main.go"},
		{Template: "template/README.md.tmpl", Name: "README.md"},
		{Template: "template/gitignore.tmpl", Name: ".gitignore"},
	},
}

// New writes a parachain of its own, a module that builds as it is, and returns its directory.
func New(ctx context.Context, m scaffold.Project) (dir string, err error) { return kind.New(ctx, m) }
