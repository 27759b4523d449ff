//go:build !unix

package blob

import (
	"io"
	"os"
)

// mapFile reads the file where it can't be mapped.
func mapFile(f *os.File, size int) ([]byte, error) {
	b := make([]byte, size)
	_, err := io.ReadFull(f, b)
	return b, err
}

func unmap([]byte) error { return nil }
