package overseer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Graph is who talks to whom, as the Specs declare it.
type Graph struct {
	dir      *registry.Directory
	specs    map[string]subsystem.Spec
	order    []string
	declared map[string]map[string]bool // subsystem -> full names of its variants
	asks     map[string][]string        // subsystem -> whom it asks, sorted
}

// NewGraph checks the Specs: every name is known, every variant is somebody's, what is sent is one-way and what is
// asked is answered, and no chain of asks comes back to where it began. The error names what is wrong.
func NewGraph(dir *registry.Directory, specs []subsystem.Spec) (*Graph, error) {
	g := &Graph{dir: dir, specs: map[string]subsystem.Spec{}, declared: map[string]map[string]bool{},
		asks: map[string][]string{}}
	for _, s := range specs {
		if _, twice := g.specs[s.Name]; twice {
			return nil, fmt.Errorf("two Specs are named %s", s.Name)
		}
		if !slices.Contains(dir.Subsystems(), s.Name) {
			return nil, fmt.Errorf("%s has a Spec and no line in AllMessages", s.Name)
		}
		g.specs[s.Name], g.order = s, append(g.order, s.Name)
		if err := g.declare(s); err != nil {
			return nil, err
		}
	}
	for _, name := range g.order {
		if cycle := g.cycle(name); cycle != "" {
			return nil, fmt.Errorf("the asks form a cycle, in which each would wait for the other: %s", cycle)
		}
	}
	return g, nil
}

func (g *Graph) declare(s subsystem.Spec) error {
	g.declared[s.Name] = map[string]bool{}
	for i, m := range slices.Concat(s.Sends, s.Asks) {
		v := g.dir.Of(m)
		asked := i >= len(s.Sends)
		switch {
		case v == nil:
			return fmt.Errorf("%s declares %s, which is in no enum", s.Name, m.ProtoReflect().Descriptor().FullName())
		case v.IsRequest() && !asked:
			return fmt.Errorf("%s sends %s, which has an answer: list it in Asks", s.Name, v.Name)
		case !v.IsRequest() && asked:
			return fmt.Errorf("%s asks %s, which has no answer: list it in Sends", s.Name, v.Name)
		}
		g.declared[s.Name][string(v.Name)] = true
		if asked && !slices.Contains(g.asks[s.Name], v.Subsystem) {
			g.asks[s.Name] = append(g.asks[s.Name], v.Subsystem)
		}
	}
	slices.Sort(g.asks[s.Name])
	return nil
}

// cycle finds a chain of asks from start back to start; empty when there is none.
func (g *Graph) cycle(start string) string {
	seen := map[string]bool{}
	var walk func(at string, path []string) string
	walk = func(at string, path []string) string {
		for _, next := range g.asks[at] {
			if next == start {
				return strings.Join(append(path, start), " asks ")
			}
			if !seen[next] {
				seen[next] = true
				if c := walk(next, append(path, next)); c != "" {
					return c
				}
			}
		}
		return ""
	}
	return walk(start, []string{start})
}

// cycleWith is the cycle that one more subsystem's asks would close.
func (g *Graph) cycleWith(name string, asks []string) string {
	old := g.asks[name]
	defer func() { g.asks[name] = old }()
	var to []string
	for _, a := range asks {
		if v := g.dir.Named(a); v != nil {
			to = append(to, v.Subsystem)
		}
	}
	g.asks[name] = to
	return g.cycle(name)
}

// Mermaid draws the graph: an arrow for what is sent, a thick one for what is asked, each with how many variants it
// carries.
func (g *Graph) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for _, name := range g.order {
		fmt.Fprintf(&b, "    %s[%s]\n", id(name), name)
	}
	for _, name := range g.order {
		sends, asks := map[string]int{}, map[string]int{}
		for variant := range g.declared[name] {
			if v := g.dir.Named(variant); v.IsRequest() {
				asks[v.Subsystem]++
			} else {
				sends[v.Subsystem]++
			}
		}
		writeEdges(&b, name, "==>", asks)
		writeEdges(&b, name, "-->", sends)
	}
	return b.String()
}

func writeEdges(b *strings.Builder, from, arrow string, to map[string]int) {
	names := make([]string, 0, len(to))
	for n := range to {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		fmt.Fprintf(b, "    %s %s|%d| %s\n", id(from), arrow, to[n], id(n))
	}
}

func id(name string) string { return strings.ReplaceAll(name, "-", "_") }
