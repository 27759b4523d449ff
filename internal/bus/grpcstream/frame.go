package grpcstream

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The part of HTTP/2 (RFC 9113) and of gRPC's mapping onto it that one stream needs.
const (
	preface      = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	frameSize    = 9 // header of a frame
	prefixSize   = 5 // gRPC's header of a message: compressed, length
	streamID     = 1 // the one stream: the first that a client opens
	defaultFrame = 16 << 10
	// ourFrame is the longest frame that we take, the most that HTTP/2 has a number for.
	ourFrame = 1<<24 - 1
	// ourWindow is the credit that we give. We read a frame only when somebody receives, so what is in flight is bounded
	// by the socket's own buffers, and a window would only be a second, slower, bound.
	ourWindow      = 1 << 30
	defaultWindow  = 1<<16 - 1
	maxWindow      = 1<<31 - 1
	maxHeaderBytes = 64 << 10
)

type frameType byte

const (
	typeData         frameType = 0
	typeHeaders      frameType = 1
	typeReset        frameType = 3
	typeSettings     frameType = 4
	typePush         frameType = 5
	typePing         frameType = 6
	typeGoAway       frameType = 7
	typeWindowUpdate frameType = 8
	typeContinuation frameType = 9
)

const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	settingEnablePush = 2
	settingWindow     = 4
	settingMaxFrame   = 5
)

// Error codes of RST_STREAM and GOAWAY.
const (
	codeNone     = 0
	codeProtocol = 1
	codeCancel   = 8
)

var errProtocol = errors.New("the other side doesn't speak HTTP/2 as it should")

func protocolError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errProtocol, fmt.Sprintf(format, args...))
}

type frameHeader struct {
	length int
	kind   frameType
	flags  byte
	stream uint32
}

func parseHeader(b []byte) frameHeader {
	return frameHeader{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]), kind: frameType(b[3]), flags: b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & maxWindow,
	}
}

func (h frameHeader) has(flag byte) bool { return h.flags&flag != 0 }

func appendHeader(b []byte, h frameHeader) []byte {
	b = append(b, byte(h.length>>16), byte(h.length>>8), byte(h.length), byte(h.kind), h.flags)
	return binary.BigEndian.AppendUint32(b, h.stream)
}

// appendPreamble is what each side says first: how long frames may be, and as much credit as we ever give.
func appendPreamble(b []byte, client bool) []byte {
	settings := [][2]uint32{{settingMaxFrame, ourFrame}, {settingWindow, ourWindow}}
	if client {
		settings = append(settings, [2]uint32{settingEnablePush, 0})
	}
	b = appendHeader(b, frameHeader{length: 6 * len(settings), kind: typeSettings})
	for _, s := range settings {
		b = binary.BigEndian.AppendUint16(b, uint16(s[0]))
		b = binary.BigEndian.AppendUint32(b, s[1])
	}
	return appendWindowUpdate(b, 0, ourWindow-defaultWindow)
}

func appendWindowUpdate(b []byte, stream uint32, n int) []byte {
	b = appendHeader(b, frameHeader{length: 4, kind: typeWindowUpdate, stream: stream})
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

func appendReset(b []byte, stream, code uint32) []byte {
	b = appendHeader(b, frameHeader{length: 4, kind: typeReset, stream: stream})
	return binary.BigEndian.AppendUint32(b, code)
}

func appendGoAway(b []byte, code uint32) []byte {
	b = appendHeader(b, frameHeader{length: 8, kind: typeGoAway})
	b = binary.BigEndian.AppendUint32(b, streamID)
	return binary.BigEndian.AppendUint32(b, code)
}
