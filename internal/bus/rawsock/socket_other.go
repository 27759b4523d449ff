//go:build !linux

package rawsock

import (
	"net"
	"syscall"
)

// Over returns the connection as it is: what Linux needs for speed is not known to be so elsewhere.
func Over(conn net.Conn, _ syscall.Conn) net.Conn { return conn }
