package meter

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// reader takes a module's bytes apart. After the first error, which it keeps, it reads nothing but zeros.
type reader struct {
	rest []byte
	err  error
}

var errShort = errors.New("it ends too early")

// fail keeps the first error. Nothing is left to read.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	r.rest = nil
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail("%w", errShort)
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(r.rest)) {
		r.fail("%w", errShort)
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// u32 reads an unsigned number of at most 32 bits (LEB128).
func (r *reader) u32() uint32 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || size > 5 || n > 1<<32-1 {
		r.fail("a number of 32 bits is none")
		return 0
	}
	r.rest = r.rest[size:]
	return uint32(n)
}

// signed skips a signed number of so many bits, and returns its bytes as they are.
func (r *reader) signed(bits int) []byte {
	for i, b := range r.rest {
		if b < 0x80 && i < (bits+6)/7 {
			return r.bytes(uint32(i + 1))
		}
	}
	r.fail("a number of %d bits is none", bits)
	return nil
}

// count reads how many of something follow. Each takes at least a byte, so there can't be more than bytes.
func (r *reader) count(what string, most uint32) uint32 {
	n := r.u32()
	if n > most || uint64(n) > uint64(len(r.rest)) {
		r.fail("%d %s, and there may be %d", n, what, most)
		return 0
	}
	return n
}

// name reads a name.
func (r *reader) name() string { return string(r.bytes(r.u32())) }

// index reads an index that must be below n.
func (r *reader) index(what string, n uint32) uint32 {
	i := r.u32()
	if i >= n && r.err == nil {
		r.fail("%s %d, and there are %d", what, i, n)
	}
	return i
}

// part is a reader of the next n bytes. What goes wrong there must be handed back with join.
func (r *reader) part(n uint32) reader { return reader{rest: r.bytes(n), err: r.err} }

// join takes over the error of a part, or finds that it wasn't read to its end.
func (r *reader) join(part reader, what string) {
	switch {
	case part.err != nil:
		r.fail("%s: %w", what, part.err)
	case len(part.rest) > 0:
		r.fail("%s: %d bytes too many", what, len(part.rest))
	}
}

// putU32 appends an unsigned number.
func putU32(b []byte, n uint32) []byte { return binary.AppendUvarint(b, uint64(n)) }

// putSigned appends a signed number.
func putSigned(b []byte, n int64) []byte {
	for n < -64 || n > 63 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n)&0x7f)
}

// putName appends a name.
func putName(b []byte, name string) []byte { return append(putU32(b, uint32(len(name))), name...) }
