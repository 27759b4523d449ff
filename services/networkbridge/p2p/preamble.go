package p2p

import (
	"errors"
	"fmt"
	"io"

	nb "github.com/reevenet/reeve/services/networkbridge"
)

// A link is this many connections with this many lanes each.
const (
	connsPerLink = 2
	lanesPerConn = int(nb.Lanes) / connsPerLink
)

// connOf says which of a link's connections carries a lane.
func connOf(l nb.Lane) int { return int(l) / lanesPerConn }

// nonce is eight random bytes: the name of a link, or of one run of a node.
type nonce [8]byte

// preamble is what the caller writes first on each stream: which lane it is, of which link, and which run of the
// caller's node this is. From the last the callee knows that an older link is dead although nobody has told it.
type preamble struct {
	lane     nb.Lane
	link     nonce
	instance nonce
}

const preambleMagic = "RVE1"

const preambleSize = len(preambleMagic) + 1 + 8 + 8

func (p preamble) append(b []byte) []byte {
	b = append(append(b, preambleMagic...), byte(p.lane))
	return append(append(b, p.link[:]...), p.instance[:]...)
}

func readPreamble(r io.Reader) (p preamble, err error) {
	var b [preambleSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return p, err
	}
	if string(b[:4]) != preambleMagic {
		return p, fmt.Errorf("the peer opened a stream with %q, not %q: it isn't a node of this kind", b[:4], preambleMagic)
	}
	if p.lane = nb.Lane(b[4]); p.lane >= nb.Lanes {
		return p, fmt.Errorf("the peer opened lane %d, there is none", b[4])
	}
	copy(p.link[:], b[5:])
	copy(p.instance[:], b[13:])
	return p, nil
}

// verdict is the callee's answer to a link, written once on each lane.
type verdict byte

const (
	accepted verdict = iota
	duplicate
	full
)

// errDuplicate tells that the other link between the two nodes was kept.
var errDuplicate = errors.New("the peer keeps another link with this node")

var errFull = errors.New("the peer has no room for another link")

func (v verdict) err() error {
	switch v {
	case accepted:
		return nil
	case duplicate:
		return errDuplicate
	case full:
		return errFull
	default:
		return fmt.Errorf("the peer answered a call with %d", byte(v))
	}
}

// reply is what the callee writes first on each stream.
type reply struct {
	verdict  verdict
	instance nonce
}

func (r reply) append(b []byte) []byte { return append(append(b, byte(r.verdict)), r.instance[:]...) }

func readReply(r io.Reader) (out reply, err error) {
	var b [9]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return out, err
	}
	out.verdict = verdict(b[0])
	copy(out.instance[:], b[1:])
	return out, out.verdict.err()
}
