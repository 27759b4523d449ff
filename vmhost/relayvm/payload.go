package relayvm

import (
	"encoding/binary"
	"errors"

	"github.com/reevenet/reeve/internal/core/primitives"
)

var errShort = errors.New("the payload is too short")

// payload reads what a call says: numbers are big-endian, and the last part goes on to the end.
type payload struct {
	left []byte
	err  error
}

func (p *payload) take(n int) []byte {
	if p.err != nil || len(p.left) < n {
		p.err = errShort
		return make([]byte, n)
	}
	b := p.left[:n:n]
	p.left = p.left[n:]
	return b
}

func (p *payload) hash() primitives.Hash { return primitives.Hash(p.take(primitives.HashSize)) }
func (p *payload) u8() byte              { return p.take(1)[0] }
func (p *payload) u32() uint32           { return binary.BigEndian.Uint32(p.take(4)) }
func (p *payload) u64() uint64           { return binary.BigEndian.Uint64(p.take(8)) }
func (p *payload) rest() []byte          { b := p.left; p.left = nil; return b }

// end is the error of the whole; bytes that nothing was made of are one.
func (p *payload) end() error {
	if p.err == nil && len(p.left) > 0 {
		p.err = errors.New("the payload has bytes left over")
	}
	return p.err
}
