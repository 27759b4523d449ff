//go:build unix && !linux

package blob

import "syscall"

const mapFlags = syscall.MAP_SHARED
