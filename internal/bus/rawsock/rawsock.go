// Package rawsock reads and writes sockets without announcing it to Go's scheduler, which saves a process with little
// to do the waking of its monitor thread with each message. It changes what a call costs and nothing else: deadlines,
// closing and errors are those of the connection.
package rawsock

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

// Dialed is what a dial returned, with such a connection.
func Dialed(c net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return Conn(c), nil
}
