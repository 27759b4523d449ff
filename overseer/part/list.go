package part

import (
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// List is all parts of a node, in the order in which they are started and shown.
type List []Part

// Specs lists what they declare.
func (l List) Specs() []subsystem.Spec {
	specs := make([]subsystem.Spec, len(l))
	for i, p := range l {
		specs[i] = p.Spec
	}
	return specs
}

// Names lists the subsystems.
func (l List) Names() []string {
	names := make([]string, len(l))
	for i, p := range l {
		names[i] = p.Spec.Name
	}
	return names
}

// Find returns the part whose subsystem or process has that name.
func (l List) Find(name string) (Part, error) {
	i := slices.IndexFunc(l, func(p Part) bool { return p.Spec.Name == name || p.Name() == name })
	if i < 0 {
		return Part{}, errcode.New(errcode.NoSuchProcess, "", nil, "there is no subsystem %q, only %s", name, strings.Join(l.Names(), ", "))
	}
	return l[i], nil
}

// ProcessOf is the name of a subsystem's process; a subsystem that isn't in the list runs under its own name.
func (l List) ProcessOf(subsystem string) string {
	for _, p := range l {
		if p.Spec.Name == subsystem {
			return p.Name()
		}
	}
	return subsystem
}

// Schema is every setting of a node of these parts.
func (l List) Schema() config.Schema {
	var s config.Schema
	for _, p := range l {
		if p.Settings.Name != "" {
			s = append(s, p.Settings)
		}
	}
	return s
}

// Protocols lists what they speak with other nodes, each with its subsystem.
func (l List) Protocols() []Protocol {
	var all []Protocol
	for _, p := range l {
		for _, spoken := range p.Protocols {
			spoken.Subsystem = p.Spec.Name
			all = append(all, spoken)
		}
	}
	return all
}
