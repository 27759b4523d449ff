package gateway

import (
	"context"
	"log/slog"
	"net"
	"net/http"
)

// Serve answers on listener until ctx ends, then finishes what it has begun until drain ends, and closes the rest.
func Serve(ctx, drain context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// what clients do wrong isn't the operator's business
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		if server.Shutdown(drain) != nil {
			server.Close()
		}
	}()
	err := server.Serve(limit(listener, maxConns))
	if ctx.Err() == nil {
		return err
	}
	<-stopped
	return nil
}

// limit lets at most n connections be open; further ones wait in the kernel's queue.
func limit(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n)}
}

type limited struct {
	net.Listener
	slots chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	l.slots <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &counted{Conn: c, slots: l.slots}, nil
}
