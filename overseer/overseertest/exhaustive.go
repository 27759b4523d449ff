package overseertest

import (
	"testing"

	"github.com/reevenet/reeve/overseer/subsystem"
)

// Exhaustive checks that a subsystem knows every variant of its own enum: each is given to it, empty, and none may be
// unknown. An empty message is also what a careless sender sends, so it may be refused but must not end the
// subsystem. The test may go on with the subsystem.
func Exhaustive(t testing.TB, spec subsystem.Spec) *Overseer {
	t.Helper()
	o := Start(t, spec)
	variants := o.dir.Variants(spec.Name)
	if len(variants) == 0 {
		t.Fatalf("%s has no enum in AllMessages, or an empty one", spec.Name)
	}
	for _, v := range variants {
		before := o.machine.Unknown()
		if v.IsRequest() {
			o.Ask("test", v.New())
		} else {
			o.Send("test", v.New())
		}
		if o.machine.Unknown() != before {
			t.Errorf("%s doesn't know %s: its Handle needs a line for it", spec.Name, v.Short())
		}
		if ended, err := o.machine.Ended(); ended {
			t.Fatalf("an empty %s ended %s: %v", v.Short(), spec.Name, err)
		}
	}
	o.Sent()
	return o
}
