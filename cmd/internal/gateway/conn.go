package gateway

import (
	"net"
	"sync"
)

// counted gives its slot back when it is closed, once.
type counted struct {
	net.Conn
	slots chan struct{}
	once  sync.Once
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.slots })
	return err
}
