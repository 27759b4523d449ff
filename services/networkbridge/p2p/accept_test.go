package p2p

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"

	nb "github.com/reevenet/reeve/services/networkbridge"
)

// broken is a listener whose calls fail, in this order.
type broken struct {
	fails []error
	tried int
}

func (b *broken) Accept() (transport.CapableConn, error) {
	b.tried++
	if len(b.fails) == 0 {
		return nil, transport.ErrListenerClosed
	}
	err := b.fails[0]
	b.fails = b.fails[1:]
	return nil, err
}

func (b *broken) Close() error            { return nil }
func (b *broken) Addr() net.Addr          { return &net.TCPAddr{} }
func (b *broken) Multiaddr() ma.Multiaddr { return ma.StringCast("/ip4/127.0.0.1/tcp/1") }

func (b *broken) serve(t *testing.T) (ended error) {
	n := &Network{log: slog.New(slog.DiscardHandler)}
	n.ctx, n.cancel = t.Context(), func() {}
	n.events = func(e nb.Event) {
		if e.Kind == nb.Ended {
			ended = e.Err
		}
	}
	n.accept(b)
	return ended
}

func TestAListenerThatFailsForAMomentGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &broken{fails: []error{syscall.EMFILE, syscall.ECONNABORTED, syscall.EMFILE}}
		ended := l.serve(t)
		if l.tried != 4 || !errors.Is(ended, transport.ErrListenerClosed) {
			t.Errorf("it was tried %d times and ended with %v", l.tried, ended)
		}
	})
}

func TestAListenerThatNeverRecoversIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &broken{}
		for range 100 {
			l.fails = append(l.fails, syscall.EBADF)
		}
		if ended := l.serve(t); l.tried != acceptTries+1 || !errors.Is(ended, syscall.EBADF) {
			t.Errorf("it was tried %d times and ended with %v", l.tried, ended)
		}
	})
}

// Somebody takes the call and hangs up before he has said whether he takes the link: the node is told, and may call
// again.
func TestACallThatBreaksBeforeItsVerdictIsToldOf(t *testing.T) {
	v, deaf := start(t, 1), start(t, 2)
	l, err := deaf.transports[0].Listen(ma.StringCast("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.AcceptStream()
			c.Close()
		}
	}()
	for range 2 {
		v.Connect(nb.Address{Node: deaf.self, At: []string{l.Multiaddr().String()}})
		if e := v.await(nb.Unreachable); e.Peer != deaf.self || e.Err == nil {
			t.Errorf("%+v", e)
		}
	}
}
