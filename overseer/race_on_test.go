//go:build race

package overseer_test

// raced tells that the race detector is on, which makes everything some ten times slower.
const raced = true
