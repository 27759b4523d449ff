package grpcstream

import (
	"context"
	"net"
	"strings"

	"google.golang.org/grpc/credentials"

	"github.com/reevenet/reeve/internal/bus/rawsock"
)

// Client says how a stream is opened.
type Client struct {
	// Target is "unix:/path" or "host:port".
	Target string
	// Creds protect the connection; nil: none.
	Creds credentials.TransportCredentials
	// Path of the method: "/package.Service/Method".
	Path string
	// MaxMessage is the longest message in bytes that is received.
	MaxMessage int
}

// Dial connects and opens the stream. It doesn't wait for the server: what it has to say comes with the first Recv. The
// stream lives until ctx ends, the server ends it, or Close.
func (c Client) Dial(ctx context.Context) (*Stream, error) {
	network, address := "tcp", c.Target
	if path, ok := strings.CutPrefix(c.Target, "unix:"); ok {
		network, address = "unix", strings.TrimPrefix(path, "//")
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	scheme, authority := "http", "localhost"
	if network == "tcp" {
		authority = address
	}
	if c.Creds != nil {
		if c.Creds.Info().SecurityProtocol == "tls" {
			scheme = "https"
		}
		secured, _, err := c.Creds.ClientHandshake(ctx, authority, conn)
		if err != nil {
			conn.Close()
			return nil, err
		}
		conn = secured
	}
	conn = rawsock.Conn(conn)
	s := newStream(ctx, conn, conn, true, c.MaxMessage)
	s.opened = true
	err = s.now(func(b []byte) []byte {
		return appendRequest(appendPreamble(append(b, preface...), true), scheme, authority, c.Path)
	})
	if err != nil {
		s.cancel()
		return nil, err
	}
	context.AfterFunc(s.ctx, func() { conn.Close() })
	return s, nil
}
