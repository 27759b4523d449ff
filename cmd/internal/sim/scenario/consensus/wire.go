package consensus

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

func isFor(m *enginev1.PeerMessage, c *chain) bool { return bytes.Equal(m.GetChainId(), c.id.ID[:]) }

// lastRead is the frame that was read last: one that goes to many is read once.
type lastRead struct {
	frame   []byte
	message *enginev1.PeerMessage
}

func (l *lastRead) read(frame []byte) *enginev1.PeerMessage {
	if len(frame) == 0 || len(frame) != len(l.frame) || &frame[0] != &l.frame[0] {
		l.frame, l.message = frame, readFrame(frame)
	}
	return l.message
}

// readFrame finds the engine's message in a frame; nil when there is none.
func readFrame(frame []byte) *enginev1.PeerMessage {
	var f nbv1.Frame
	m := &enginev1.PeerMessage{}
	if proto.Unmarshal(frame, &f) != nil || proto.Unmarshal(f.GetMessage().GetPayload(), m) != nil || m.GetKind() == nil {
		return nil
	}
	return m
}

// describe says what the engine's message in a frame is, for the readable trace.
func describe(frame []byte) string {
	m := readFrame(frame)
	if m == nil {
		return ""
	}
	kind := m.ProtoReflect().WhichOneof(m.ProtoReflect().Descriptor().Oneofs().ByName("kind"))
	text := string(kind.Name())
	inner := m.ProtoReflect().Get(kind).Message().Interface()
	if r, ok := inner.(interface{ GetRequestId() uint32 }); ok {
		text += fmt.Sprintf(" #%d", r.GetRequestId())
	}
	switch m := inner.(type) {
	case *enginev1.Chits:
		text += fmt.Sprintf(" %s %s %s@%d", short(m.GetPreferredId()), short(m.GetPreferredIdAtHeight()),
			short(m.GetAcceptedId()), m.GetAcceptedHeight())
	case *enginev1.PullQuery:
		text += " " + short(m.GetContainerId())
	}
	return text
}

func short(hash []byte) string {
	h, _ := primitives.HashFrom(hash)
	return h.Short()
}
