// Package httpdoor is the HTTP server of every door of a node: that for clients, that for monitoring, and those on unix
// sockets between its processes. It gives places to connections and to requests, each address its share, and takes
// them back from whoever doesn't use them: a connection that is silent makes room for a new one, a client that doesn't
// read what he asked for is ended, and who gets no place is told so at once. What is served is its caller's business;
// it never waits for a client in one that others need.
package httpdoor

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/reevenet/reeve/internal/bus/accept"
)

// Times of a client. A deadline is a place's rent: whoever does something has it renewed.
const (
	HeaderTimeout = 5 * time.Second  // until a request's header is there
	BodyTimeout   = 30 * time.Second // until its body is
	WriteTimeout  = 30 * time.Second // until so much as a piece of what is written is taken
	IdleTimeout   = 2 * time.Minute  // between requests
	maxHeader     = 32 << 10
	maxInner      = 2 * maxHeader // what the outer door adds has room
)

// Places are how many connections, requests and streams there may be: in all, and of one address. A door has more
// places for connections than for requests, so that whoever has used up his requests still gets an answer to what isn't
// counted, and more for requests than for streams, so that who listens for ever keeps nobody from asking. Zero is no
// bound.
type Places struct {
	Connections, OfAddress      int
	Requests, RequestsOfAddress int
	Streams, StreamsOfAddress   int
}

// Door serves HTTP.
type Door struct {
	places *places
	server *http.Server
	log    *slog.Logger
}

// New returns a door that isn't open yet.
func New(handler http.Handler, p Places, log *slog.Logger) *Door {
	return door(handler, p, maxHeader, log)
}

// Inner returns the door of a unix socket at which a node's own processes call. Who comes to them was counted outside.
func Inner(handler http.Handler, log *slog.Logger) *Door {
	return door(handler, Places{}, maxInner, log)
}

func door(handler http.Handler, p Places, header int, log *slog.Logger) *Door {
	d := &Door{places: newPlaces(p), log: log}
	d.server = &http.Server{
		Handler:           d.busy(handler),
		ReadHeaderTimeout: HeaderTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    header,
		ConnContext:       withConn,
		// what clients do wrong isn't the operator's business
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return d
}

// Serve answers on a listener until Shutdown or Close, and returns http.ErrServerClosed then. What passes is waited
// out: net/http does that for a lack of descriptors only. That the listener has ended by itself is logged, whatever the
// caller makes of the error.
func (d *Door) Serve(l net.Listener) error {
	l = accept.Listener(l, d.log)
	err := d.server.Serve(&listener{Listener: l, places: d.places, told: make(chan struct{}, mostTold)})
	if !errors.Is(err, http.ErrServerClosed) {
		d.log.Error("nobody is let in any more: the listener has ended", "at", l.Addr().String(), "err", err)
	}
	return err
}

// Shutdown takes nothing new and returns when what was begun is finished, or ctx ends.
func (d *Door) Shutdown(ctx context.Context) error { return d.server.Shutdown(ctx) }

// Close ends everything.
func (d *Door) Close() error { return d.server.Close() }

// busy marks a connection while one of its requests is served, and bounds the time of the request's body.
func (d *Door) busy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := connOf(r); c != nil {
			d.places.begin(c)
			defer d.places.end(c)
		}
		timed(w, r)
		next.ServeHTTP(w, r)
	})
}
