package httpdoor

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
)

// places are those of one door.
type places struct {
	Places

	mu        sync.Mutex
	open      int
	under     int // requests
	byAddress map[string]*share
	silent    *list.List // connections without a request, of *conn, the longest silent first
	streams   *list.List // connections with a stream, of *conn, the oldest first
}

// share is what one address has.
type share struct{ connections, requests, streams int }

func newPlaces(p Places) *places {
	return &places{Places: p, byAddress: map[string]*share{}, silent: list.New(), streams: list.New()}
}

// addressOf is whose share a connection counts in: an address, or the network that is one customer's where addresses
// are given out by networks. All that come over a unix socket are one.
func addressOf(remote net.Addr) string {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return ""
	}
	ip, _ := netip.AddrFromSlice(tcp.IP)
	if ip = ip.Unmap(); ip.Is6() {
		network, _ := ip.WithZone("").Prefix(64)
		return network.String()
	}
	return ip.String()
}

func full(n, most int) bool { return most > 0 && n >= most }

// enter gives a connection a place: a free one, or that of who has been silent for longest. It returns nil when all
// are in use, and whom it turned out.
func (p *places) enter(nc net.Conn) (entered, out *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &conn{Conn: nc, places: p, address: addressOf(nc.RemoteAddr())}
	s := p.share(c.address)
	switch {
	case full(s.connections, p.OfAddress):
		if out = p.longestSilent(func(o *conn) bool { return o.address == c.address }); out == nil {
			p.tidy(c.address)
			return nil, nil
		}
	case full(p.open, p.Connections):
		if out = p.longestSilent(func(*conn) bool { return true }); out == nil {
			p.tidy(c.address)
			return nil, nil
		}
	}
	if out != nil {
		p.remove(out)
	}
	p.open++
	p.share(c.address).connections++
	c.silent = p.silent.PushBack(c)
	return c, out
}

func (p *places) longestSilent(of func(*conn) bool) *conn {
	for e := p.silent.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*conn); of(c) {
			return c
		}
	}
	return nil
}

func (p *places) share(address string) *share {
	s := p.byAddress[address]
	if s == nil {
		s = &share{}
		p.byAddress[address] = s
	}
	return s
}

func (p *places) tidy(address string) {
	if s := p.byAddress[address]; s != nil && *s == (share{}) {
		delete(p.byAddress, address)
	}
}

// leave gives a connection's place back, unless it was turned out before.
func (p *places) leave(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(c)
}

func (p *places) remove(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
	unlist(p.silent, &c.silent)
	p.endStream(c)
	p.open--
	p.byAddress[c.address].connections--
	p.tidy(c.address)
}

// begin and end say that a connection's request is served.
func (p *places) begin(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	unlist(p.silent, &c.silent)
}

func (p *places) end(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endStream(c)
	if !c.gone && c.silent == nil {
		c.silent = p.silent.PushBack(c)
	}
}

// ask gives a request of an address a place.
func (p *places) ask(address string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.share(address)
	if full(p.under, p.Requests) || full(s.requests, p.RequestsOfAddress) {
		p.tidy(address)
		return false
	}
	p.under++
	s.requests++
	return true
}

func (p *places) answered(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.under--
	p.byAddress[address].requests--
	p.tidy(address)
}
