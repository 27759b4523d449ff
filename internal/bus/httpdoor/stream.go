package httpdoor

import (
	"container/list"
	"context"
	"time"
)

// term is how long a stream keeps its place when others want it. Shorter, and too many who come back take it in turn
// from each other.
const term = 10 * time.Second

// Stream says that the answer to the request of ctx has no end that is known, and tells whether there is a place for
// it: a free one, or that of the oldest stream of the same address, or of the one that has most, whose term is over.
func Stream(ctx context.Context) bool {
	c, _ := ctx.Value(connKey{}).(*conn)
	if c == nil {
		return true
	}
	ok, out := c.places.begins(c, time.Now())
	if out != nil {
		out.Close()
	}
	return ok
}

func (p *places) begins(c *conn, now time.Time) (ok bool, out *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.gone || c.stream != nil {
		return !c.gone, nil
	}
	s := p.byAddress[c.address]
	switch {
	case full(s.streams, p.StreamsOfAddress):
		out = p.oldestStream(c.address, now)
	case full(p.streams.Len(), p.Streams):
		out = p.oldestStream(p.greediest(), now)
	default:
		ok = true
	}
	if out != nil {
		p.remove(out)
	}
	if ok = ok || out != nil; ok {
		c.began, c.stream = now, p.streams.PushBack(c)
		s.streams++
	}
	return ok, out
}

func (p *places) oldestStream(address string, now time.Time) *conn {
	for e := p.streams.Front(); e != nil; e = e.Next() {
		c := e.Value.(*conn)
		if now.Sub(c.began) < term {
			return nil
		}
		if c.address == address {
			return c
		}
	}
	return nil
}

// greediest is the address with most streams.
func (p *places) greediest() (address string) {
	most := 0
	for a, s := range p.byAddress {
		if s.streams > most {
			address, most = a, s.streams
		}
	}
	return address
}

// endStream gives a stream's place back.
func (p *places) endStream(c *conn) {
	if c.stream != nil {
		p.byAddress[c.address].streams--
		unlist(p.streams, &c.stream)
	}
}

func unlist(l *list.List, e **list.Element) {
	if *e != nil {
		l.Remove(*e)
		*e = nil
	}
}
