package grpcstream

import (
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"
)

// endless is a connection on which the same frame comes again and again.
type endless struct {
	net.Conn
	frame []byte
	at    int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		m := copy(p[n:], e.frame[e.at:])
		n += m
		e.at = (e.at + m) % len(e.frame)
	}
	return n, nil
}
func (e *endless) Write(p []byte) (int, error)      { return len(p), nil }
func (e *endless) Close() error                     { return nil }
func (e *endless) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkRecv is what reading a message costs without its system calls.
func BenchmarkRecv(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			n := prefixSize + size
			frame := []byte{byte(n >> 16), byte(n >> 8), byte(n), 0, 0, 0, 0, 0, 1, 0}
			frame = append(binary.BigEndian.AppendUint32(frame, uint32(size)), make([]byte, size)...)
			conn := &endless{frame: frame}
			s := newStream(b.Context(), conn, conn, false, 1<<20)
			openForBench(s)
			var m []byte
			var err error
			for b.Loop() {
				if m, err = s.RecvInto(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
