package grpcstream

import (
	"io"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
)

// Others is a listener of the connections that were handed on: what a grpc-go server accepts from.
type Others struct {
	from  net.Listener
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewOthers makes a listener of what a Server that accepts from a listener hands on. Closing it closes that one.
func NewOthers(from net.Listener) *Others {
	return &Others{from: from, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (o *Others) hand(conn net.Conn) {
	select {
	case o.conns <- conn:
	case <-o.done:
		conn.Close()
	}
}

// Accept waits for a connection.
func (o *Others) Accept() (net.Conn, error) {
	select {
	case conn := <-o.conns:
		return conn, nil
	case <-o.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept; connections that are handed on later are closed.
func (o *Others) Close() error {
	o.once.Do(func() { close(o.done) })
	return o.from.Close()
}

// Addr is the address.
func (o *Others) Addr() net.Addr { return o.from.Addr() }

// handed is a connection whose beginning was read and is read again.
type handed struct {
	net.Conn
	in    io.Reader
	auth  credentials.AuthInfo
	place *stranger
}

// Read reads, and says that the stranger isn't silent.
func (h *handed) Read(p []byte) (int, error) {
	n, err := h.in.Read(p)
	if more := h.place.says(n); more != nil {
		return n, more
	}
	return n, err
}

// Close gives the place back, too.
func (h *handed) Close() error {
	h.place.leave()
	return h.Conn.Close()
}

// HandedCreds are a grpc-go server's credentials for connections from Others: the handshake has been made, and this is
// what it found out. On other connections they are what they were made of.
func HandedCreds(made credentials.TransportCredentials) credentials.TransportCredentials {
	return handedCreds{made}
}

type handedCreds struct {
	credentials.TransportCredentials
}

func (c handedCreds) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if h, ok := conn.(*handed); ok {
		return h, known{h.auth, h.place}, nil
	}
	return c.TransportCredentials.ServerHandshake(conn)
}

func (c handedCreds) Clone() credentials.TransportCredentials { return c }
