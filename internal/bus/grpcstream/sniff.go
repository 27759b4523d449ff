package grpcstream

import (
	"bytes"
	"io"
	"net"
	"sync"

	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/credentials"
)

// maxSaid bounds what a connection may say before its first call.
const maxSaid = 128 << 10

// sniff reads up to the first call's headers and returns what it read, to be read again, and the path of the call. It
// sends empty settings, since clients wait for some before they call; whoever serves the connection sends its own.
func sniff(conn net.Conn) (said *bytes.Buffer, path string, err error) {
	if _, err := conn.Write(appendHeader(nil, frameHeader{kind: typeSettings})); err != nil {
		return nil, "", err
	}
	said = new(bytes.Buffer)
	in := io.TeeReader(io.LimitReader(conn, maxSaid), said)
	start := make([]byte, len(preface))
	if _, err := io.ReadFull(in, start); err != nil {
		return nil, "", err
	}
	if string(start) != preface {
		return nil, "", protocolError("a connection begins with %q", start)
	}
	path, err = firstCall(in)
	return said, path, err
}

// firstCall reads frames until one opens a stream. Its block must be whole: the headers of a call of ours are short, and a
// longer one is somebody else's.
func firstCall(in io.Reader) (string, error) {
	for {
		var header [frameSize]byte
		if _, err := io.ReadFull(in, header[:]); err != nil {
			return "", err
		}
		h := parseHeader(header[:])
		if h.length > defaultFrame {
			return "", protocolError("a frame of %d bytes before any call", h.length)
		}
		body := make([]byte, h.length)
		if _, err := io.ReadFull(in, body); err != nil {
			return "", err
		}
		if h.kind != typeHeaders {
			continue
		}
		if !h.has(flagEndHeaders) || h.stream != streamID {
			return "", nil
		}
		body, err := fragment(h, body)
		if err != nil {
			return "", err
		}
		fields, err := decodeBlock(hpack.NewDecoder(4096, nil), body)
		return fields.path, err
	}
}

// skipPreface passes over what sniff has checked.
func (s *Stream) skipPreface() error {
	_, err := s.in.Discard(len(preface))
	return err
}

// Others is a listener of the connections that were handed on: what a grpc-go server accepts from.
type Others struct {
	from  net.Listener
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewOthers makes a listener of what a Server that accepts from a listener hands on. Closing it closes that one.
func NewOthers(from net.Listener) *Others {
	return &Others{from: from, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (o *Others) hand(conn net.Conn) {
	select {
	case o.conns <- conn:
	case <-o.done:
		conn.Close()
	}
}

// Accept waits for a connection.
func (o *Others) Accept() (net.Conn, error) {
	select {
	case conn := <-o.conns:
		return conn, nil
	case <-o.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept; connections that are handed on later are closed.
func (o *Others) Close() error {
	o.once.Do(func() { close(o.done) })
	return o.from.Close()
}

// Addr is the address.
func (o *Others) Addr() net.Addr { return o.from.Addr() }

// handed is a connection whose beginning was read and is read again.
type handed struct {
	net.Conn
	in   io.Reader
	auth credentials.AuthInfo
}

func (h *handed) Read(p []byte) (int, error) { return h.in.Read(p) }

// HandedCreds are a grpc-go server's credentials for connections from Others: the handshake has been made, and this is what
// it found out. On other connections they are what they were made of.
func HandedCreds(made credentials.TransportCredentials) credentials.TransportCredentials {
	return handedCreds{made}
}

type handedCreds struct {
	credentials.TransportCredentials
}

func (c handedCreds) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if h, ok := conn.(*handed); ok {
		return h, h.auth, nil
	}
	return c.TransportCredentials.ServerHandshake(conn)
}

func (c handedCreds) Clone() credentials.TransportCredentials { return c }
