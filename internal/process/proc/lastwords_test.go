package proc

import (
	"fmt"
	"testing"
)

func TestTheLastWordsAreHowTheLastCrashBeganOrElseTheLastLines(t *testing.T) {
	var w LastWords
	for n := range 10 * mostWords {
		w.Add(fmt.Sprint("line ", n))
	}
	last := w.Lines()
	if len(last) != mostWords || last[mostWords-1] != fmt.Sprint("line ", 10*mostWords-1) {
		t.Errorf("of one that is well: %q", last)
	}
	for _, begin := range []string{"panic: first", "SIGQUIT: quit"} {
		w.Add(begin)
		for range 10 * mostWords {
			w.Add("gs     0x0")
		}
		if crash := w.Lines(); len(crash) != mostWords || crash[0] != begin {
			t.Errorf("after %q: %q", begin, crash)
		}
	}
}
