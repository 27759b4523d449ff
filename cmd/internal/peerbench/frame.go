package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Frames of the raw relay: length (4 bytes, big endian), kind (1 byte), payload.
type frameKind byte

const (
	frameAsk   frameKind = iota // the answerer sends it back
	frameOne                    // one-way: the answerer counts it
	frameLast                   // one-way, and the answerer reports its count
	frameCount                  // the answerer's report: 8 bytes
)

const (
	frameHeader = 5
	frameBuffer = 64 << 10
)

// frames reads and writes frames on one connection. It flushes only when asked, so that a relay or an answerer can
// write as many frames at once as it found in its reading buffer.
type frames struct {
	in   *bufio.Reader
	out  *bufio.Writer
	body []byte // reused by read
}

func newFrames(conn io.ReadWriter) *frames {
	return &frames{in: bufio.NewReaderSize(conn, frameBuffer), out: bufio.NewWriterSize(conn, frameBuffer)}
}

// read returns the next frame; the payload is valid until the next read.
func (f *frames) read() (frameKind, []byte, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(f.in, header[:]); err != nil {
		return 0, nil, err
	}
	size := int(binary.BigEndian.Uint32(header[:]))
	if size > maxPayload {
		return 0, nil, fmt.Errorf("frame of %d bytes", size)
	}
	if cap(f.body) < size {
		f.body = make([]byte, size)
	}
	_, err := io.ReadFull(f.in, f.body[:size])
	return frameKind(header[4]), f.body[:size], err
}

func (f *frames) write(kind frameKind, payload []byte) error {
	var header [frameHeader]byte
	binary.BigEndian.PutUint32(header[:], uint32(len(payload)))
	header[4] = byte(kind)
	if _, err := f.out.Write(header[:]); err != nil {
		return err
	}
	_, err := f.out.Write(payload)
	return err
}

// idle says that nothing more can be read without waiting, so it is time to flush.
func (f *frames) idle() bool { return f.in.Buffered() < frameHeader }
