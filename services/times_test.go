package services_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// limitOfTime is a line of the table of time limits in docs/limits.md.
type limitOfTime struct {
	what, name, within string
	lasts              time.Duration
}

var quoted = regexp.MustCompile("`([^`]+)`")

// timeTable reads the table: what, where it stands as `package` and `name`, default, setting, and the limit that is
// around it, as `name`.
func timeTable(t *testing.T) (folders map[string]string, table []limitOfTime) {
	t.Helper()
	text, err := os.ReadFile(limits)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Time limits\n")
	section, _, _ = strings.Cut(section, "\n## ")
	folders = map[string]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 6 || strings.TrimSpace(cells[0]) == "what" || cells[0] == "---" {
			continue
		}
		lasts, err := time.ParseDuration(strings.ReplaceAll(strings.TrimSpace(cells[3]), " ", ""))
		if err != nil {
			t.Errorf("%s: %v", cells[0], err)
		}
		folder, name := quoted.FindStringSubmatch(cells[1]), quoted.FindStringSubmatch(cells[2])
		if folder == nil || name == nil {
			t.Errorf("%s has no place or no name", cells[0])
			continue
		}
		l := limitOfTime{what: strings.TrimSpace(cells[0]), name: name[1], lasts: lasts}
		if within := quoted.FindStringSubmatch(cells[5]); within != nil {
			l.within = within[1]
		}
		folders[l.name] = folder[1]
		table = append(table, l)
	}
	return folders, table
}

func TestTimeLimitsNest(t *testing.T) {
	folders, table := timeTable(t)
	if len(table) < 15 {
		t.Fatalf("%d time limits were read", len(table))
	}
	byName := map[string]limitOfTime{}
	for _, l := range table {
		byName[l.name] = l
	}
	for _, l := range table {
		if got, ok := durations(t, "../"+folders[l.name])[l.name]; !ok || got != l.lasts {
			t.Errorf("%s: %s in %s is %v, the table says %v", l.what, l.name, folders[l.name], got, l.lasts)
		}
		if l.within == "" {
			continue
		}
		around, ok := byName[l.within]
		if !ok || around.lasts < l.lasts*5/4 {
			t.Errorf("%s takes %v and is inside of %s, %v: the inner limit should be well below the outer one",
				l.name, l.lasts, l.within, around.lasts)
		}
	}
}

// TestEveryTimeLimitOfADoorIsInTheTable looks for limits of time that nobody can find.
func TestEveryTimeLimitOfADoorIsInTheTable(t *testing.T) {
	folders, _ := timeTable(t)
	for _, folder := range []string{"cmd/internal/gateway", "cmd/internal/node", "cmd/internal/devnet",
		"internal/bus/httpdoor"} {
		for name := range durations(t, "../"+folder) {
			if strings.HasSuffix(strings.ToLower(name), "timeout") && folders[name] != folder {
				t.Errorf("%s of %s isn't in docs/limits.md", name, folder)
			}
		}
	}
}

// durations are the constants of time that a package declares.
func durations(t *testing.T, folder string) map[string]time.Duration {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", folder, err)
	}
	found := map[string]time.Duration{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for i, name := range spec.Names {
					if i < len(spec.Values) {
						if d, ok := duration(spec.Values[i]); ok {
							found[name.Name] = d
						}
					}
				}
			}
			return true
		})
	}
	return found
}

var units = map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute}

// duration is the value of an expression such as 2 * time.Second.
func duration(e ast.Expr) (time.Duration, bool) {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		u, ok := units[e.Sel.Name]
		return u, ok
	case *ast.BinaryExpr:
		n, ok := e.X.(*ast.BasicLit)
		if !ok || e.Op != token.MUL {
			return 0, false
		}
		times, err := strconv.Atoi(n.Value)
		unit, ok := duration(e.Y)
		return time.Duration(times) * unit, ok && err == nil
	}
	return 0, false
}
