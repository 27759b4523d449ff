package consensus

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
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
	if proto.Unmarshal(frame, &f) != nil || proto.Unmarshal(f.GetMessage().GetPayload(), m) != nil ||
		m.GetKind() == nil {
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
	case *enginev1.GetVotes:
		text += fmt.Sprintf(" %d.%d", m.GetHeight(), m.GetRound())
	case *enginev1.Votes:
		for _, v := range m.GetVotes() {
			text += " " + describeVote(m.GetHeight(), v.GetRound(), signbytes.Phase(v.GetPhase()), v.GetBlockId(),
				int(v.GetValidator()))
		}
	case *enginev1.Proof:
		text += describeProof(m.GetProof())
	case *enginev1.Certified:
		text += describeProof(m.GetCertificate())
	}
	return text
}

// describeVote is height, round and phase of a vote, for which block it is and by whom.
func describeVote(height uint64, round uint32, p signbytes.Phase, block []byte, by ...int) string {
	what := "none"
	if len(block) > 0 {
		what = short(block)
	}
	return fmt.Sprintf("%d.%d %s %s by %v", height, round, p, what, by)
}

func describeProof(raw []byte) string {
	height, p, err := finality.DecodeProof(raw)
	if err != nil {
		return " unreadable"
	}
	var by []int
	for _, v := range p.Votes {
		by = append(by, v.Validator)
	}
	return " " + describeVote(height, p.Round, p.Phase, p.Block[:], by...)
}

func short(hash []byte) string {
	h, _ := primitives.HashFrom(hash)
	return h.Short()
}
