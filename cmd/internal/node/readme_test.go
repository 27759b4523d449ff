package node

import (
	"os"
	"strings"
	"testing"
)

func TestThePictureInTheREADMEIsWhatThePartsDeclare(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := Graph()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "```mermaid\n"+picture+"```") {
		t.Error("the parts declare something else now: run `make graph` and commit the result")
	}
}
