package services_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/services"
)

const readme = "../README.md"

// The README's picture is drawn from the Specs, and its table of processes from the parts; -update does so anew.
func TestTheReadmeShowsTheParts(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	g, err := overseer.NewGraph(registry.Node(), services.Parts().Specs())
	if err != nil {
		t.Fatal(err)
	}
	want, err := redraw(text, "graph", "```mermaid\n"+g.Mermaid()+"```\n")
	if err != nil {
		t.Fatal(err)
	}
	if want, err = redraw(want, "parts", table()); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(text, want) {
		return
	}
	if !*update {
		t.Fatal("the README is older than the parts: `make graph`")
	}
	if err := os.WriteFile(readme, want, 0o644); err != nil { //nolint:gosec // a README is for everybody
		t.Fatal(err)
	}
}

// table lists the processes of a node.
func table() string {
	var b strings.Builder
	b.WriteString("| process | command | owns |\n|---|---|---|\n")
	b.WriteString("| overseer | `reeve overseer` | mailboxes, the timeline of leaves, the listeners for clients and monitoring |\n")
	for _, p := range services.Parts() {
		run := "`reeve run " + p.Spec.Name + "`"
		if p.Outside {
			run = "a team's own"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", p.Name(), run, p.Owns)
	}
	b.WriteString("| plugin | `bin/plugins/kvvm` | the state machine |\n")
	return b.String()
}
