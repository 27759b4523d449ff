package parachain

import (
	"flag"
	"testing"
)

// long is for a machine that has an hour: `make longsim`.
var long = flag.Bool("long", false, "run every story with all its seeds")

// pick chooses by how much time there is: for all seeds, for every change, and for the pass that looks for races.
func pick[T any](all, usual, short T) T {
	switch {
	case *long:
		return all
	case testing.Short():
		return short
	}
	return usual
}
