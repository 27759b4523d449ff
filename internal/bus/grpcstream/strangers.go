package grpcstream

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

const (
	// helloLimit is how long a stranger has for the headers of his first call, and how long for the first message.
	helloLimit = 10 * time.Second
	// maxStrangers is how many connections there may be whose caller isn't admitted.
	maxStrangers = 64
	// maxSaid bounds what a stranger may say in all on a connection that grpc-go serves, in bytes: some thousand
	// questions whether we are well.
	maxSaid = 256 << 10
)

// strangers are the connections whose callers aren't admitted yet. They have few places; when all are taken, whoever
// has been silent for longest gives way to who comes.
type strangers struct {
	mu   sync.Mutex
	here map[*stranger]bool
}

// stranger is one of them.
type stranger struct {
	of    *strangers
	conn  net.Conn
	heard time.Time
	said  int
}

func (s *strangers) enter(conn net.Conn) *stranger {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.here == nil {
		s.here = map[*stranger]bool{}
	}
	if len(s.here) >= maxStrangers {
		s.evict()
	}
	one := &stranger{of: s, conn: conn, heard: time.Now()}
	s.here[one] = true
	return one
}

// evict ends the one that has been silent for longest.
func (s *strangers) evict() {
	var longest *stranger
	for one := range s.here {
		if longest == nil || one.heard.Before(longest.heard) {
			longest = one
		}
	}
	delete(s.here, longest)
	longest.conn.Close()
}

// leave gives the place to others: the caller is admitted, or has gone.
func (o *stranger) leave() {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	delete(o.of.here, o)
}

var errTooMuch = errors.New("too much is said by somebody who isn't known")

// says notes that he has said so many bytes more; an error: it is more than a stranger may.
func (o *stranger) says(n int) error {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	if !o.of.here[o] {
		return nil
	}
	o.heard = time.Now()
	if o.said += n; o.said > maxSaid {
		return errTooMuch
	}
	return nil
}

// known is what is known of a caller, and his place among the strangers.
type known struct {
	credentials.AuthInfo
	place *stranger
}

// Unwrap is what the handshake found out; nil: nothing.
func (k known) Unwrap() credentials.AuthInfo { return k.AuthInfo }

// AuthType names it.
func (k known) AuthType() string {
	if k.AuthInfo == nil {
		return "none"
	}
	return k.AuthInfo.AuthType()
}

// Admit tells that the caller of a call is known from now on, on its whole connection: he has no deadline any more and
// takes no stranger's place. A handler that never calls it serves strangers only.
func Admit(ctx context.Context) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return
	}
	if k, ok := p.AuthInfo.(known); ok && k.place != nil {
		k.place.leave()
		_ = k.place.conn.SetReadDeadline(time.Time{})
	}
}
