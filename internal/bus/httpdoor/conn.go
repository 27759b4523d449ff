package httpdoor

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// piece is what must be taken within WriteTimeout, in bytes. It is less than a socket's buffer, so whoever reads at all
// has it renewed.
const piece = 16 << 10

// conn is a connection with a place.
type conn struct {
	net.Conn
	places  *places
	address string
	silent  *list.Element // in places.silent, while no request is served
	stream  *list.Element // in places.streams, while its answer is one
	began   time.Time     // of the stream
	gone    bool          // its place is another's
	once    sync.Once
}

// Write ends a connection whose other side takes nothing.
func (c *conn) Write(p []byte) (n int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(WriteTimeout)); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(p[n:min(len(p), n+piece)])
		n += m
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.abandon()
		}
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// abandon has the kernel forget what the other side hasn't taken, when the connection is closed.
func (c *conn) abandon() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // it is closed all the same, and the kernel keeps its bytes for a while
	}
}

// CloseWrite lets the server end a refused request so that the client can still read why.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close gives the place back, once.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.places.leave(c) })
	return err
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection over which a request came; nil of one that came in another way, as in a test.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}
