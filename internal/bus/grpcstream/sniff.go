package grpcstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"

	"golang.org/x/net/http2"
)

// maxOpening bounds what a connection may say before its first call, in bytes.
const maxOpening = 64 << 10

// sniff reads up to the first call's headers and returns what it read, to be read again, and whether that is a call of
// ours. It sends empty settings, since clients wait for some before they call; whoever serves the connection sends its
// own.
func sniff(conn net.Conn, path string) (said *bytes.Buffer, ours bool, err error) {
	said = new(bytes.Buffer)
	if err := http2.NewFramer(conn, nil).WriteSettings(); err != nil {
		return said, false, err
	}
	in := io.TeeReader(io.LimitReader(conn, maxOpening), said)
	start := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(in, start); err != nil {
		return said, false, err
	}
	if string(start) != http2.ClientPreface {
		return said, false, errors.New("this is not HTTP/2")
	}
	counted := &source{Reader: bufio.NewReaderSize(in, 1)}
	call, err := firstCall(newFramer(nil, counted), counted)
	var wrong violation
	switch errors.As(err, &wrong); {
	case wrong.code == http2.ErrCodeEnhanceYourCalm:
		return said, false, errors.Join(err, http2.NewFramer(conn, nil).WriteGoAway(0, wrong.code, nil))
	case wrong.code != 0: // grpc-go knows what to say to that
		return said, false, nil
	}
	return said, err == nil && serves(call, path), err
}

// firstCall reads frames until one opens a stream.
func firstCall(frames *http2.Framer, in *source) (*http2.MetaHeadersFrame, error) {
	for first := true; ; first = false {
		in.begin()
		h, err := frames.ReadFrameHeader()
		if err != nil {
			return nil, readError(err)
		}
		if h.Length > maxControl || first && h.Type != http2.FrameSettings {
			return nil, violation{http2.ErrCodeProtocol, "a connection doesn't begin with settings and a call"}
		}
		f, err := frames.ReadFrameForHeader(h)
		if err != nil {
			return nil, readError(err)
		}
		if call, ok := f.(*http2.MetaHeadersFrame); ok {
			return call, nil
		}
	}
}

// serves tells whether a call is one of ours: grpc-go refuses what is no gRPC, and takes compressed messages.
func serves(call *http2.MetaHeadersFrame, path string) bool {
	kind, _ := value(call, "content-type")
	compressed, named := value(call, "grpc-encoding")
	return call.StreamID == streamID && !call.Truncated &&
		call.PseudoValue("path") == path && call.PseudoValue("method") == "POST" &&
		strings.HasPrefix(kind, "application/grpc") && (!named || compressed == "identity")
}
