package part

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
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
		return Part{}, errcode.New(errcode.NoSuchProcess, "", nil, "there is no subsystem %q, only %s", name,
			strings.Join(l.Names(), ", "))
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
			spoken.Subsystem, spoken.PerChain, spoken.Host = p.Spec.Name, p.Spec.Class == subsystem.PerChain, p.Host
			all = append(all, spoken)
		}
	}
	return all
}

// Instance is a part as one process of a node: of one of its chains, if there is one of it per chain.
type Instance struct {
	Part
	// Chain is the name of its chain; empty: it serves all.
	Chain string
	// ID tells it from all other processes of the node: the process's name, and the chain where that isn't clear.
	ID string
}

// Numbered is one more instance of a part that may have several, by its number from 2 on.
func (i *Instance) Numbered(number int) Instance {
	more := *i
	more.ID = fmt.Sprintf("%s-%d", i.ID, number)
	return more
}

// IsNumbered tells whether a name is that of one more instance of the process called first.
func IsNumbered(name, first string) bool {
	rest, more := strings.CutPrefix(name, first+"-")
	number, err := strconv.Atoi(rest)
	return more && err == nil && number > 1 && rest == strconv.Itoa(number)
}

// Label is what tables call it beside its name: its chain, or the name again.
func (i *Instance) Label() string {
	switch {
	case i.Chain != "":
		return i.Chain
	case IsNumbered(i.ID, i.Name()):
		return i.ID
	}
	return i.Name()
}

// Instances lists the processes of a node with the given chains: one of each part, and of a part per chain one for each
// chain. Those of the parachain host are only there when one of the chains is the relay chain.
func (l List) Instances(chains []genesis.Chain) []Instance {
	var list []Instance
	relay := slices.ContainsFunc(chains, func(c genesis.Chain) bool { return c.Parachains })
	for _, p := range l {
		switch {
		case p.Host && !relay, p.Outside:
			continue
		case p.Spec.Class != subsystem.PerChain:
			list = append(list, Instance{Part: p, ID: p.Name()})
			continue
		}
		for _, c := range chains {
			i := Instance{Part: p, Chain: c.Name, ID: p.Name()}
			if len(chains) > 1 {
				i.ID += "@" + c.Name
			}
			list = append(list, i)
		}
	}
	return list
}
