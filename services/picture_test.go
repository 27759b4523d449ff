package services_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/services"
)

const readme = "../README.md"

// The README's picture is drawn from the Specs; -update draws it anew.
func TestTheReadmesPictureIsWhatTheSpecsDeclare(t *testing.T) {
	g, err := overseer.NewGraph(registry.Node(), services.Parts().Specs())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	want, err := redraw(text, g.Mermaid())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(text, want) {
		return
	}
	if !*update {
		t.Fatal("the picture in the README is older than the Specs: go test ./services -run Picture -update")
	}
	if err := os.WriteFile(readme, want, 0o644); err != nil { //nolint:gosec // a README is for everybody
		t.Fatal(err)
	}
}
