package p2p

import (
	"context"
	"net"
	"syscall"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"

	"github.com/reevenet/reeve/internal/bus/rawsock"
)

// quietly is TLS over sockets that are read and written without the scheduler's notice: a bridge handles a few small
// messages at a time, and a quarter of its work was waking the scheduler's monitor for each.
type quietly struct{ *libp2ptls.Transport }

func (q quietly) SecureInbound(ctx context.Context, c net.Conn, p peer.ID) (sec.SecureConn, error) {
	return q.Transport.SecureInbound(ctx, quietTCP(c), p)
}

func (q quietly) SecureOutbound(ctx context.Context, c net.Conn, p peer.ID) (sec.SecureConn, error) {
	return q.Transport.SecureOutbound(ctx, quietTCP(c), p)
}

// tcpSocket is what the transport's connections have of net.TCPConn, which is embedded in them.
type tcpSocket interface {
	syscall.Conn
	SetNoDelay(bool) error
}

func quietTCP(c net.Conn) net.Conn {
	if socket, ok := c.(tcpSocket); ok {
		return rawsock.Over(c, socket)
	}
	return c
}
