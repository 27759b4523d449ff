package virtual

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// Trace is a running hash over everything that happened, and on demand a readable log of it. What it is given must
// not depend on the build: no addresses, no texts of errors.
type Trace struct {
	// Out takes readable lines; nil: none are made.
	Out io.Writer
	// At stamps the lines.
	At func() string

	sum hash.Hash
	buf []byte
}

// traceBuffer is how many bytes are gathered before they are hashed.
const traceBuffer = 4096

// NewTrace returns an empty one.
func NewTrace() *Trace { return &Trace{sum: sha256.New(), buf: make([]byte, 0, traceBuffer+256)} }

// Add notes numbers.
func (t *Trace) Add(numbers ...uint64) {
	for _, n := range numbers {
		t.buf = binary.LittleEndian.AppendUint64(t.buf, n)
	}
	if len(t.buf) >= traceBuffer {
		t.flush()
	}
}

// Bytes notes bytes with their length.
func (t *Trace) Bytes(b []byte) {
	t.Add(uint64(len(b)))
	if len(b) > 256 {
		t.flush()
		t.sum.Write(b)
		return
	}
	t.buf = append(t.buf, b...)
}

// Logf writes a line, if somebody reads them. Callers on hot paths ask Logs first.
func (t *Trace) Logf(format string, args ...any) {
	if t.Out != nil {
		fmt.Fprintf(t.Out, t.At()+" "+format+"\n", args...)
	}
}

// Logs tells whether somebody reads the lines.
func (t *Trace) Logs() bool { return t.Out != nil }

// Sum is the hash of all so far, in hexadecimal digits.
func (t *Trace) Sum() string {
	t.flush()
	return hex.EncodeToString(t.sum.Sum(nil))
}

func (t *Trace) flush() {
	t.sum.Write(t.buf)
	t.buf = t.buf[:0]
}
