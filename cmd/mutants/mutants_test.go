package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// A bug that doesn't fit the code any more would be missed only by whoever runs them all.
func TestEveryPlantedBugFitsTheCode(t *testing.T) {
	bugs, err := readBugs(planted)
	if err != nil {
		t.Fatal(err)
	}
	read := func(file string) (string, error) {
		text, err := os.ReadFile(filepath.Join("../..", file))
		return string(text), err
	}
	for _, b := range bugs {
		if _, err := b.plant(read); err != nil {
			t.Error(err)
		}
	}
	if len(bugs) < 25 {
		t.Errorf("only %d bugs are left", len(bugs))
	}
}

func TestABugThatSaysTooLittleIsRefusedByName(t *testing.T) {
	const whole = "It breaks.\ncaught by: go test ./x\nin: x/x.go\n<<<\na\n===\nb\n>>>\n"
	for _, without := range []string{
		"It breaks.\n", "caught by: go test ./x\n", "in: x/x.go\n", "b\n>>>\n", "go test ",
	} {
		_, err := readBugs(fstest.MapFS{"bugs/odd.bug": {Data: []byte(strings.Replace(whole, without, "", 1))}})
		if err == nil || !strings.Contains(err.Error(), "odd.bug") {
			t.Errorf("without %q: %v", without, err)
		}
	}
	if _, err := readBugs(fstest.MapFS{"bugs/odd.bug": {Data: []byte(whole)}}); err != nil {
		t.Error(err)
	}
}

// One bug that a test notices, and one that changes nothing, which nobody can notice.
func TestWhatIsNoticedAndWhatIsNotIsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles a copy of the tree")
	}
	root, err := rootOfTree(t.Context())
	if err != nil {
		t.Skip(err) // an archive of the tree is no clone
	}
	bugs, err := readBugs(planted)
	if err != nil {
		t.Fatal(err)
	}
	var one bug
	for _, b := range bugs {
		if b.name == "two-votes-of-one-voter-in-a-poll" {
			one = b
		}
	}
	harmless := one
	harmless.name = "harmless"
	harmless.edits = []edit{{one.edits[0].file, one.edits[0].is, "\t_ = 0\n" + one.edits[0].is}}
	var out strings.Builder
	err = (&hunt{root: root, bugs: []bug{one, harmless}, parallel: 1, out: &out}).run(t.Context())
	if !errors.Is(err, errMissed) || !strings.Contains(err.Error(), "harmless isn't noticed") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "2 bugs planted, 1 noticed") || !strings.Contains(out.String(), "Test") {
		t.Errorf("it prints\n%s", out.String())
	}
}
