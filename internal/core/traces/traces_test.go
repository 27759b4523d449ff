package traces

import (
	"crypto/sha256"
	"strings"
	"testing"
)

func TestATraceIsNamedByItsHash(t *testing.T) {
	hash := []byte("0123456789abcdef01234567ABCDEFGH")
	if got, want := Sample(1).Of(hash), "00-30313233343536373839616263646566-4142434445464748-01"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if Sample(0).Of(hash) != "" || (Sampler{}).Sampled(hash) || Sample(1).Of(hash[:31]) != "" {
		t.Error("sampled although it shouldn't be")
	}
}

func TestSoManyAreSampledAndTheSameOnEveryNode(t *testing.T) {
	s, n := Sample(0.05), 0
	for i := range 20_000 {
		hash := sha256.Sum256([]byte(strings.Repeat("x", i%200) + string(rune(i))))
		if s.Sampled(hash[:]) {
			n++
			if !Sample(0.06).Sampled(hash[:]) {
				t.Fatal("a larger share leaves out what a smaller one takes")
			}
		}
	}
	if n < 800 || n > 1200 {
		t.Errorf("%d of 20,000 at a twentieth", n)
	}
}
