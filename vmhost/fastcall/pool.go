package fastcall

import (
	"context"
	"sync"

	"google.golang.org/grpc"
)

// Pool is the channels that are free for calls of one kind. The zero value has none until some are given.
type Pool struct {
	// Open makes another channel when none is free; nil: they come of themselves.
	Open func() (*Channel, error)
	// Most is how many Open may make.
	Most int

	mu     sync.Mutex
	free   []*Channel
	opened int
	closed bool
}

// take is a channel to be given back, or nil when none is to be had.
func (p *Pool) take() *Channel {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return c
	}
	if p.closed || p.Open == nil || p.opened >= p.Most {
		p.mu.Unlock()
		return nil
	}
	p.opened++
	p.mu.Unlock()
	c, err := p.Open()
	if err != nil {
		p.forget()
		return nil
	}
	return c
}

// give makes a channel free.
func (p *Pool) give(c *Channel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.close()
		return
	}
	p.free = append(p.free, c)
}

// Free is how many channels nobody uses at the moment.
func (p *Pool) Free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free)
}

// drop ends a channel that can't be used again.
func (p *Pool) drop(c *Channel) {
	c.close()
	p.forget()
}

func (p *Pool) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened--
}

// Close closes the channels that are free, and the others when their calls have ended.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.free {
		c.close()
	}
	p.free = nil
}

// Conn is a connection some of whose calls are fast calls.
type Conn struct {
	// The connection for the others, and for when no channel is free.
	grpc.ClientConnInterface
	// For says which channels a method's calls take; nil: none.
	For func(method string) *Pool
}

// Invoke makes a call over a channel if one is free.
func (c *Conn) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	p := c.For(method)
	if p == nil {
		return c.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
	}
	channel := p.take()
	if channel == nil {
		return c.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
	}
	err := channel.invoke(ctx, method, request, reply, nil, options...)
	if channel.broken {
		p.drop(channel)
	} else {
		p.give(channel)
	}
	return err
}
