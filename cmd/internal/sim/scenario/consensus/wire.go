package consensus

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// Field numbers of the protocol's own messages, as far as the simulation reads them. It reads by hand because it
// looks at every frame of every run; wire_test.go checks them against the generated code.
const (
	frameMessage   = 5 // networkbridge.v1.Frame
	messagePayload = 2 // networkbridge.v1.WireMessage

	peerChain     = 1 // engine.v1.PeerMessage
	peerAncestors = 11
	peerPut       = 13
	peerPush      = 14
	peerPull      = 15
	peerChits     = 16

	requestID          = 2 // of Chits and queries
	container          = 3 // of Put, PushQuery: bytes; of Ancestors: repeated; of PullQuery: the id
	requestedHeight    = 4
	chitsPreferred     = 3
	chitsPreferredAt   = 4
	chitsAccepted      = 5
	chitsAcceptedUpTo  = 6
	ancestorsContainer = 3
)

// message is one engine message in a frame: its chain, its field in PeerMessage, and its bytes.
type message struct {
	chain []byte
	kind  protowire.Number
	body  []byte
}

func (m *message) isFor(c *chain) bool { return bytes.Equal(m.chain, c.id.ID[:]) }

// lastRead is the frame that was read last: one that goes to many is read once.
type lastRead struct {
	frame   []byte
	message message
	ok      bool
}

func (l *lastRead) read(frame []byte) (message, bool) {
	if len(frame) == 0 || len(frame) != len(l.frame) || &frame[0] != &l.frame[0] {
		l.frame = frame
		l.message, l.ok = readFrame(frame)
	}
	return l.message, l.ok
}

// readFrame finds the engine's message in a frame.
func readFrame(frame []byte) (m message, ok bool) {
	payload := field(field(frame, frameMessage), messagePayload)
	for b := payload; len(b) > 0; {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return m, false
		}
		b = b[l:]
		if l = protowire.ConsumeFieldValue(n, t, b); l < 0 {
			return m, false
		}
		if t == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			if n == peerChain {
				m.chain = v
			} else {
				m.kind, m.body, ok = n, v, true
			}
		}
		b = b[l:]
	}
	return m, ok
}

// field returns the bytes of the first field with the number; nil when there is none.
func field(b []byte, number protowire.Number) []byte {
	for len(b) > 0 {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return nil
		}
		b = b[l:]
		if l = protowire.ConsumeFieldValue(n, t, b); l < 0 {
			return nil
		}
		if n == number && t == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			return v
		}
		b = b[l:]
	}
	return nil
}

// fields calls each for the bytes of every field with the number.
func fields(b []byte, number protowire.Number, each func([]byte)) {
	for len(b) > 0 {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return
		}
		b = b[l:]
		if l = protowire.ConsumeFieldValue(n, t, b); l < 0 {
			return
		}
		if n == number && t == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			each(v)
		}
		b = b[l:]
	}
}

// number returns the varint of the first field with the number; 0 when there is none.
func number(b []byte, number protowire.Number) uint64 {
	for len(b) > 0 {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return 0
		}
		b = b[l:]
		if l = protowire.ConsumeFieldValue(n, t, b); l < 0 {
			return 0
		}
		if n == number && t == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(b)
			return v
		}
		b = b[l:]
	}
	return 0
}

func hashAt(b []byte, n protowire.Number) (primitives.Hash, bool) {
	h, err := primitives.HashFrom(field(b, n))
	return h, err == nil
}

// describe says what the engine's message in a frame is, for the readable trace.
func describe(frame []byte) string {
	m, ok := readFrame(frame)
	if !ok {
		return ""
	}
	name := "message"
	if f := (&enginev1.PeerMessage{}).ProtoReflect().Descriptor().Fields().ByNumber(m.kind); f != nil {
		name = string(f.Name())
	}
	text := fmt.Sprintf("%s #%d", name, number(m.body, requestID))
	switch m.kind {
	case peerChits:
		for _, n := range []protowire.Number{chitsPreferred, chitsPreferredAt, chitsAccepted} {
			id, _ := hashAt(m.body, n)
			text += " " + id.Short()
		}
		text += fmt.Sprintf("@%d", number(m.body, chitsAcceptedUpTo))
	case peerPull:
		id, _ := hashAt(m.body, container)
		text += " " + id.Short()
	}
	return text
}
