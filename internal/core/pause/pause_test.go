package pause

import (
	"testing"
	"time"
)

func TestThePauseGrowsFromTheSecondFailureOnWithWhatThatTook(t *testing.T) {
	for before, want := range []time.Duration{Least, 40 * time.Second, Most, Most} {
		if got := After(before, 10*time.Second); got != want {
			t.Errorf("after %d hangs before: %v, want %v", before, got, want)
		}
	}
	if got := After(1, time.Hour); got != Most {
		t.Errorf("after an hour: %v", got)
	}
}
