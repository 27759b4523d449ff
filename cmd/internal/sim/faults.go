package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest/virtual"
)

// Fault is one kind of thing that goes wrong. Every seed turns a random part of the faults on, at random rates: a run
// with all of them on at once finds less, since nothing gets far enough to break. (Groce et al., "Swarm testing",
// ISSTA 2012.) Each has a source of randomness of its own, so that a run without one of them has the others as
// before.
type Fault struct {
	Name string
	// Begin lets it happen from now on. How badly, when and where is drawn from r, which it may keep.
	Begin func(r *rand.Rand)
	// End ends it when all heals. Nil: it ends by itself, see Repeated, or not at all.
	End func()
	// Always: it belongs to the scenario, and isn't drawn; it happens in a calm network, too.
	Always bool
}

// Repeated is a fault that happens again and again until all heals, with a mean time between two that is drawn
// between least and most.
func (w *World) Repeated(name string, least, most time.Duration, f func(r *rand.Rand)) Fault {
	return Fault{Name: name, Begin: func(r *rand.Rand) { w.every(r, virtual.Between(r, least, most), f) }}
}

func (w *World) every(r *rand.Rand, mean time.Duration, f func(r *rand.Rand)) {
	w.Clock.After(time.Duration(r.ExpFloat64()*float64(mean)), func() {
		if !w.Healed {
			f(r)
			w.every(r, mean, f)
		}
	})
}

// Kinds lists the faults that a scenario's seeds draw from.
func Kinds(scenario Builder) (names []string, err error) {
	w := NewWorld(Config{}, 0)
	if err := w.build(scenario); err != nil {
		return nil, err
	}
	for _, f := range w.allFaults() {
		if !f.Always {
			names = append(names, f.Name)
		}
	}
	return names, nil
}

func (w *World) allFaults() []Fault { return append(w.commonFaults(), w.scenario.Faults...) }

func (w *World) beginFaults() {
	for _, f := range w.allFaults() {
		r := w.RNG("fault " + f.Name)
		if on := r.IntN(2) == 0; !f.Always && !(on && w.allowed(f.Name)) {
			continue
		}
		if !f.Always {
			w.on = append(w.on, f.Name)
		}
		if f.End != nil {
			w.ends = append(w.ends, f.End)
		}
		f.Begin(r)
	}
	w.Note("faults: %s", strings.Join(w.on, ", "))
}

func (w *World) allowed(fault string) bool {
	return !w.Config.Calm && (w.Config.Only == nil || slices.Contains(w.Config.Only, fault))
}

// heal ends all faults: the network is whole and honest, disks work, and what is down comes up by itself.
func (w *World) heal() {
	w.Healed = true
	w.Note("healed")
	for _, end := range w.ends {
		end()
	}
}

// Any draws a node.
func (w *World) Any(r *rand.Rand) *Node { return w.Nodes[r.IntN(len(w.Nodes))] }
