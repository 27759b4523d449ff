package services_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// humanTime lists the files that read the clock that people set, or a time that comes from outside of the process, and
// what for. That clock jumps; whatever is only to last for a while goes by the other one, which a time.Time has in it
// as long as nobody takes it apart.
var humanTime = map[string]string{
	"internal/core/proposer/proposer.go":           "times of blocks",
	"internal/core/snowman/building.go":            "times of blocks",
	"internal/store/blob/clock.go":                 "the store's own clock, which nobody sets",
	"internal/store/blob/dir.go":                   "names of files, by the store's own clock",
	"internal/store/blob/lease.go":                 "ends of leases, by the store's own clock",
	"internal/store/quarantine/quarantine.go":      "names of files",
	"overseer/overseertest/virtual/watch.go":       "both clocks of a simulated machine",
	"overseer/subsystem/driver/runtime.go":         "a seed, when there is no randomness",
	"services/candidatevalidation/workers/room.go": "which prepared code wasn't used for longest, and what was left long ago",
	"services/engine/host.go":                      "times of blocks",
	"services/misbehaviorarbitration/report.go":    "when evidence was found, for people",
	"services/networkbridge/timekeeper.go":         "what the clock shows, for peers",
	"vmhost/app.go":                                "a deadline for the plugin, and no longer than the host allows",
	"vmhost/services.go":                           "a deadline of the plugin's, and no longer than the host allows",
	"vmhost/process/image.go":                      "when a plugin's file was changed, for people",
	"vmhost/kvvm/vm.go":                            "times of blocks",
	"vmhost/relayvm/beginning.go":                  "times of blocks",
	"vmhost/relayvm/block.go":                      "times of blocks",
	"vmhost/relayvm/users.go":                      "times of blocks, for people",
	"vmhost/relayvm/verify.go":                     "times of blocks",
	"vmhost/vmsdk/appserver.go":                    "a deadline of the host's, for the VM",
	"vmhost/vmsdk/lifecycle.go":                    "times of blocks",
	"vmhost/vmsdk/txs/block.go":                    "times of blocks",
	"vmhost/vmtest/findings.go":                    "times of blocks, for people",
}

// parts of a time.Time, and times from outside.
var taken = []string{
	"Unix", "UnixNano", "UnixMilli", "UnixMicro", "AsTime", "ModTime",
}

func TestWhatOnlyLastsForAWhileDoesNotGoByTheClockThatPeopleSet(t *testing.T) {
	found := map[string]bool{}
	for _, root := range []string{"internal", "overseer", "services", "vmhost"} {
		err := filepath.WalkDir("../"+root, func(path string, e fs.DirEntry, err error) error {
			if err == nil && readsHumanTime(t, path) {
				found[strings.TrimPrefix(filepath.ToSlash(path), "../")] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		if humanTime[path] == "" {
			t.Errorf("%s takes a time apart, or one from outside: say here what for, or go by time.Time alone", path)
		}
	}
	for path := range humanTime {
		if !found[path] {
			t.Errorf("%s doesn't any more", path)
		}
	}
}

func readsHumanTime(t *testing.T, path string) (found bool) {
	if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
		return false
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok {
			s, isMethod := call.Fun.(*ast.SelectorExpr)
			found = found || isMethod && slices.Contains(taken, s.Sel.Name)
		}
		return true
	})
	return found
}
