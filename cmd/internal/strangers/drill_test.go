package strangers

import (
	"strings"
	"testing"
)

func TestAnAttackThatCostsTooMuchOrIsLetBeIsAFault(t *testing.T) {
	calm := Finals{Count: 100, P50: 20, P99: 50}
	for what, c := range map[string]struct {
		during, after Finals
		outcome       string
		want          string // in the fault
	}{
		"a little more":        {during: Finals{P99: 150}, after: Finals{P99: 90}},
		"far more":             {during: Finals{P99: 200}, after: calm, want: "during"},
		"what stays":           {during: calm, after: Finals{P99: 130}, want: "after"},
		"one that was let be":  {during: calm, after: calm, outcome: wrong + "it is still linked", want: "still linked"},
		"one that was stopped": {during: calm, after: calm, outcome: "the link was ended"},
	} {
		faults := Phase{Kind: "x", Before: calm, During: c.during, After: c.after, Outcome: c.outcome}.judge()
		if (c.want == "") != (len(faults) == 0) || c.want != "" && !strings.Contains(faults[0], c.want) {
			t.Errorf("%s: %q", what, faults)
		}
	}
}
