// Package quiet reads and writes sockets without announcing it to Go's scheduler, which saves a process with little to do the
// waking of its monitor thread with each message. It changes what a call costs and nothing else: deadlines, closing and errors are
// those of the connection.
package quiet

import "net"

// Conn returns a plain TCP or unix connection so, and any other as it is.
func Conn(conn net.Conn) net.Conn {
	switch c := conn.(type) {
	case *net.UnixConn:
		return Over(conn, c)
	case *net.TCPConn:
		return Over(conn, c)
	}
	return conn
}
