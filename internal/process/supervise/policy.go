package supervise

import (
	"slices"
	"time"
)

// Policy says how often a process may die before it is left alone.
type Policy struct {
	Intensity int           // so many deaths within Window are answered with a restart; one more is the last
	Window    time.Duration // how long a death counts
	First     time.Duration // delay before the first restart
	Base      time.Duration // delay before the second; it doubles with each further one
	Max       time.Duration // the longest delay
	Jitter    float64       // a delay is changed by at most this share, so that many nodes don't restart in step
}

// DefaultPolicy restarts at once the first time, then after 100 ms, 200 ms, … (±20 %) up to 30 s, and gives up after
// more than five deaths within a minute.
var DefaultPolicy = Policy{
	Intensity: 5, Window: time.Minute, Base: 100 * time.Millisecond, Max: 30 * time.Second, Jitter: 0.2,
}

// Verdict is what to do about a death.
type Verdict struct {
	Quarantine bool
	Delay      time.Duration // before the restart
}

// History remembers the recent deaths of one process. The zero value of deaths is a process that has never died.
type History struct {
	Policy Policy
	deaths []time.Time
}

// Died records a death and says what to do. rng is a random number in [0, 1): it places the delay within its jitter.
func (h *History) Died(now time.Time, rng float64) Verdict {
	h.forget(now)
	h.deaths = append(h.deaths, now)
	n := len(h.deaths)
	if n > h.Policy.Intensity {
		return Verdict{Quarantine: true}
	}
	return Verdict{Delay: h.Policy.delay(n, rng)}
}

// Reset forgets all deaths: a person has looked at the cause and started the process again.
func (h *History) Reset() { h.deaths = nil }

func (h *History) forget(now time.Time) {
	h.deaths = slices.DeleteFunc(h.deaths, func(d time.Time) bool { return now.Sub(d) >= h.Policy.Window })
}

func (p Policy) delay(deaths int, rng float64) time.Duration {
	d := p.First
	if deaths > 1 {
		d = p.Base << min(deaths-2, 20)
	}
	return time.Duration(float64(min(d, p.Max)) * (1 + p.Jitter*(2*rng-1)))
}
