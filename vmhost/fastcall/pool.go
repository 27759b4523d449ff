package fastcall

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Pool is the lines that are free for calls of one kind. The zero value has none until some are given.
type Pool struct {
	// Open makes another line when none is free; nil: they come of themselves.
	Open func() (*Line, error)
	// Most is how many Open may make.
	Most int

	mu     sync.Mutex
	free   []*Line
	opened int
	closed bool
}

// take is a line to be given back, or nil when none is to be had.
func (p *Pool) take() *Line {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		l := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return l
	}
	if p.closed || p.Open == nil || p.opened >= p.Most {
		p.mu.Unlock()
		return nil
	}
	p.opened++
	p.mu.Unlock()
	l, err := p.Open()
	if err != nil {
		p.forget()
		return nil
	}
	return l
}

// give makes a line free.
func (p *Pool) give(l *Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		l.close()
		return
	}
	p.free = append(p.free, l)
}

// Free is how many lines nobody uses at the moment.
func (p *Pool) Free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free)
}

// drop ends a line that can't be used again.
func (p *Pool) drop(l *Line) {
	l.close()
	p.forget()
}

func (p *Pool) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened--
}

// Close closes the lines that are free, and the others when their calls have ended.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, l := range p.free {
		l.close()
	}
	p.free = nil
}

// Conn is a connection some of whose calls go over lines.
type Conn struct {
	// The usual way.
	grpc.ClientConnInterface
	// For says which lines a method's calls take; nil: none.
	For func(method string) *Pool
}

// Invoke makes a call over a line if one is free.
func (c *Conn) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	p := c.For(method)
	if p == nil {
		return c.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
	}
	l := p.take()
	if l == nil {
		return c.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
	}
	whole, err := l.call(ctx, method, request.(proto.Message), reply.(proto.Message))
	if whole {
		p.give(l)
	} else {
		p.drop(l)
	}
	return err
}
