package grpcstream

import (
	"context"
	"errors"
	"net"
	"strings"

	"golang.org/x/net/http2"

	"github.com/reevenet/reeve/internal/bus/rawsock"
)

// Client says how a stream is opened.
type Client struct {
	// Target is "unix:/path".
	Target string
	// Path of the method: "/package.Service/Method".
	Path string
	// MaxMessage is the longest message in bytes that is received.
	MaxMessage int
}

// Dial connects and opens the stream. It doesn't wait for the server: what it has to say comes with the first Recv. The
// stream lives until ctx ends, the server ends it, or Close.
func (c Client) Dial(ctx context.Context) (*Stream, error) {
	var dialer net.Dialer
	path := strings.TrimPrefix(strings.TrimPrefix(c.Target, "unix:"), "//")
	conn, err := rawsock.Dialed(dialer.DialContext(ctx, "unix", path))
	if err != nil {
		return nil, err
	}
	s := newStream(ctx, conn, conn, true, c.MaxMessage)
	err = s.now(func(w *http2.Framer) error {
		s.pending.WriteString(http2.ClientPreface)
		noPush := http2.Setting{ID: http2.SettingEnablePush}
		return errors.Join(preamble(w, noPush), writeHeaders(w, streamID, false, request(c.Path)))
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	context.AfterFunc(s.ctx, func() { conn.Close() })
	return s, nil
}
