package snowball

import "testing"

func TestEverySizeHasParametersThatValidate(t *testing.T) {
	for n := 1; n <= 2000; n++ {
		p := For(n)
		if err := p.Validate(n); err != nil {
			t.Errorf("For(%d): %v", n, err)
		}
	}
}

func TestParametersOfFive(t *testing.T) {
	p := For(5)
	if p.K != 5 || p.AlphaPreference != 3 || p.AlphaConfidence != 4 {
		t.Errorf("five validators: %s", &p)
	}
}

func TestKnownBadParametersAreRefused(t *testing.T) {
	for _, bad := range []struct {
		why                                string
		n, k, preference, confidence, beta int
	}{
		{"two halves of five each decide", 5, 5, 3, 3, 8},
		{"a sample of three out of five is decided by one liar", 5, 3, 2, 2, 8},
		{"four of five to move: a tie never ends", 5, 5, 4, 4, 20},
		{"15 of 20 with 20: a tie never ends", 20, 20, 15, 15, 20},
		{"15 of 20 with 25: likewise", 25, 20, 15, 15, 20},
		{"no majority", 5, 5, 2, 4, 8},
		{"one silent validator stops it", 4, 4, 3, 4, 8},
		{"no poll is asked", 5, 5, 3, 4, 0},
	} {
		p := For(bad.n)
		p.K, p.AlphaPreference, p.AlphaConfidence, p.Beta = bad.k, bad.preference, bad.confidence, bad.beta
		p.ConcurrentRepolls = 1
		if p.Validate(bad.n) == nil {
			t.Errorf("%s: %s was taken for %d validators", bad.why, &p, bad.n)
		}
	}
}
