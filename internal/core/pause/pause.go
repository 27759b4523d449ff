// Package pause says how long to wait before a VM is asked again for what it has failed at. Who holds a block back (the
// Snowman core, the engine's queue, the VM's host) does so by the same measure, so none of them waits for another's
// sake. It knows no clock: the caller adds it to its own.
package pause

import "time"

const (
	// Least is the first pause.
	Least = 250 * time.Millisecond
	// Growth is by what each further pause is longer than the one before.
	Growth = 4
	// Most is the longest pause, within which a VM that has been mended is asked.
	Most = time.Minute
)

// After is the pause after a failure, when there were so many before. took is how long the VM was busy until it failed:
// from the second time on the pause grows from that, if it is longer than Least. The first time it is as likely that the
// VM hung by itself.
func After(before int, took time.Duration) time.Duration {
	pause := Least
	if before > 0 {
		pause = max(Least, took)
	}
	for ; before > 0 && pause < Most; before-- {
		pause *= Growth
	}
	return min(pause, Most)
}
