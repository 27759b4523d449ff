package abuse

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What must hold during an attack and after it.
const (
	mostSlower = 3               // times the undisturbed p99
	calm       = 1.5             // times the undisturbed p99 is as before
	mostBack   = 2 * time.Second // until it is as before
	waitBack   = 15 * time.Second
)

// Row is what one attack did.
type Row struct {
	Attack   string            `json:"attack"`
	Door     Door              `json:"door"`
	CalmP50  float64           `json:"calmP50Ms"`
	CalmP99  float64           `json:"calmP99Ms"`
	P50      float64           `json:"p50Ms"`
	P99      float64           `json:"p99Ms"`
	Slower   float64           `json:"slower"` // p99, in undisturbed ones
	Back     float64           `json:"backSeconds"`
	Put      int               `json:"put"`    // transactions of the honest client
	Failed   int               `json:"failed"` // of these, not final within its patience
	Memory   map[string]Memory `json:"memory"`
	Most     uint64            `json:"mostGrowthMiB"`
	CPU      float64           `json:"attackerCPU"` // of a core
	Achieved Achieved          `json:"achieved"`
	Unwell   []string          `json:"unwell"` // what nodes said of themselves meanwhile
	Moved    []string          `json:"moved"`  // processes that ended
	Tries    int               `json:"tries"`
	Faults   []string          `json:"faults"` // what must not be

	late bool // one of these is about times
}

func (r *Row) fault(format string, args ...any) {
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// judge holds a row against what must hold. On a machine that does other things at the same time times say little.
func (r *Row) judge(times bool) {
	for _, kind := range r.kinds() {
		if grown := r.Memory[kind].Grown; grown > r.Most<<20 {
			r.fault("%s has grown by %s, at most %d MiB are allowed", kind, size(grown), r.Most)
		}
	}
	r.Faults = append(r.Faults, r.Achieved.Wrong...)
	for _, m := range r.Moved {
		r.fault("a process ended: %s", m)
	}
	if !times {
		return
	}
	r.late = r.Slower > mostSlower || r.Back > mostBack.Seconds()
	if r.Slower > mostSlower {
		r.fault("p99 is %.1f× undisturbed, at most %d× is allowed", r.Slower, mostSlower)
	}
	if r.Back > mostBack.Seconds() {
		r.fault("it took %.1f s until all was as before, at most %v is allowed", r.Back, mostBack)
	}
}

// order is how the kinds of processes are listed.
var order = []string{"overseer", "engine", "vmhost", "keystore", "network-bridge", "plugin"}

func (r *Row) kinds() []string {
	known := func(kind string) bool { _, ok := r.Memory[kind]; return ok }
	return slices.DeleteFunc(slices.Clone(order), func(kind string) bool { return !known(kind) })
}

// Heading is above the rows.
func Heading() string {
	text := fmt.Sprintf("%-34s %-6s %6s %6s %6s %6s %5s", "attack", "door", "p50", "p99 ms", "calm", "×", "back")
	for _, kind := range order {
		text += fmt.Sprintf(" %8s", strings.TrimPrefix(kind, "network-"))
	}
	return text + fmt.Sprintf(" %4s  %s", "CPU", "the attacker")
}

// String is the row's line, and one more for each thing that isn't as it should be.
func (r *Row) String() string {
	text := fmt.Sprintf("%-34s %-6s %6.0f %6.0f %6.0f %5.1f× %4.1fs", r.Attack, r.Door, r.P50, r.P99, r.CalmP99,
		r.Slower, r.Back)
	for _, kind := range order {
		m := r.Memory[kind]
		text += fmt.Sprintf(" %8s", fmt.Sprintf("%d+%d", m.High>>20, m.Grown>>20))
	}
	text += fmt.Sprintf(" %3.0f%%  %s", 100*r.CPU, r.Achieved)
	if r.Tries > 1 {
		text += fmt.Sprintf(", try %d", r.Tries)
	}
	if r.Failed > 0 {
		text += fmt.Sprintf("\n    %d of %d honest transactions weren't final in time", r.Failed, r.Put)
	}
	for _, u := range r.Unwell {
		text += "\n    unwell: " + u
	}
	for _, f := range r.Faults {
		text += "\n    FAULT " + f
	}
	return text
}
