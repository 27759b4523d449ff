//go:build !amd64

package lthash

// rest is of use on amd64 only.
func rest() {}
