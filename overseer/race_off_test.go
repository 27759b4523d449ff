//go:build !race

package overseer_test

const raced = false
