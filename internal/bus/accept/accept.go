// Package accept is the one way in which our loops accept connections: what passes (no descriptor left, a caller that
// has gone, no memory) is logged and waited out, and a listener that has ended says why. It receives a function that
// accepts, and never gives up because of one error, nor ends in silence.
package accept

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// The pauses after errors in a row: each twice the one before.
const (
	pauseMin = 5 * time.Millisecond
	pauseMax = time.Second
)

// Next accepts one connection, whatever passes meanwhile. It returns an error when over says that the listener has
// ended, and when done is closed, which is the last error.
func Next[T any](accept func() (T, error), over func(error) bool, done <-chan struct{}, log *slog.Logger) (T, error) {
	for pause := pauseMin; ; pause = min(2*pause, pauseMax) {
		conn, err := accept()
		if err == nil || over(err) {
			return conn, err
		}
		log.Warn("a connection could not be accepted", "err", err, "again_in", pause)
		select {
		case <-time.After(pause):
		case <-done:
			return conn, err
		}
	}
}

// Over tells whether a socket accepts nothing any more: it is closed, or isn't one that listens.
func Over(err error) bool {
	for _, end := range []error{net.ErrClosed, syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// Listener is l, of which Accept fails only when it has ended.
func Listener(l net.Listener, log *slog.Logger) net.Listener {
	return &patient{Listener: l, log: log, done: make(chan struct{})}
}

type patient struct {
	net.Listener
	log  *slog.Logger
	once sync.Once
	done chan struct{}
}

func (p *patient) Accept() (net.Conn, error) {
	conn, err := Next(p.Listener.Accept, Over, p.done, p.log)
	if err != nil && !Over(err) { // it was closed while it waited
		err = net.ErrClosed
	}
	return conn, err
}

func (p *patient) Close() error {
	p.once.Do(func() { close(p.done) })
	return p.Listener.Close()
}
