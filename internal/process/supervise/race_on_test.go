//go:build race

package supervise

// raced tells that the race detector is on.
const raced = true
