package httpdoor

import (
	"fmt"
	"io"
	"net"
	"time"
)

// listener hands on connections that have a place.
type listener struct {
	net.Listener
	places *places
	told   chan struct{} // a slot of each connection that is being told that there is none for it
}

// Whoever gets no place is told so, and has so long to hear it; so many at once. The others are just ended.
const (
	hearing  = 500 * time.Millisecond
	mostTold = 16
)

const noPlace = `{"error":"all places for connections are taken"}`

var refusal = fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"+
	"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(noPlace), noPlace)

// Accept returns the next connection that has a place.
func (l *listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, out := l.places.enter(nc)
		if out != nil {
			out.Close()
		}
		if c != nil {
			return c, nil
		}
		l.refuse(nc)
	}
}

// refuse never waits. What the client has sent must be read before the end, or else he sees a reset and no answer.
func (l *listener) refuse(c net.Conn) {
	select {
	case l.told <- struct{}{}:
	default:
		c.Close()
		return
	}
	go func() {
		defer func() {
			c.Close()
			<-l.told
		}()
		if c.SetDeadline(time.Now().Add(hearing)) != nil {
			return
		}
		if _, err := c.Write(refusal); err != nil {
			return
		}
		if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			io.CopyN(io.Discard, c, maxHeader) //nolint:errcheck // he has heard, or his time is over
		}
	}()
}
