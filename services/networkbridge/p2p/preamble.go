package p2p

import (
	"encoding/binary"
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
// caller's node this is. From the last the callee knows that an older link is dead although it has seen no end of it.
type preamble struct {
	Magic    [4]byte
	Lane     nb.Lane
	Link     nonce
	Instance nonce
}

var preambleMagic = [4]byte([]byte("RVE1"))

func readPreamble(r io.Reader) (p preamble, err error) {
	if err := binary.Read(r, binary.BigEndian, &p); err != nil {
		return p, err
	}
	switch {
	case p.Magic != preambleMagic:
		err = fmt.Errorf("the peer opened a stream with %q, not %q: it isn't a node of this kind", p.Magic,
			preambleMagic)
	case p.Lane >= nb.Lanes:
		err = fmt.Errorf("the peer opened lane %d, there is none", p.Lane)
	}
	return p, err
}

// verdict is the callee's answer to a link, written once on each lane.
type verdict byte

const (
	accepted verdict = iota
	duplicate
	full
)

// errDuplicate: the other link between the two nodes was kept.
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
	Verdict  verdict
	Instance nonce
}

func readReply(r io.Reader) (out reply, err error) {
	if err := binary.Read(r, binary.BigEndian, &out); err != nil {
		return out, err
	}
	return out, out.Verdict.err()
}

// write writes one of the two at once.
func write(w io.Writer, first any) error {
	b, err := binary.Append(nil, binary.BigEndian, first)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}
