package consensus

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/byzantine"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// twins shows a liar's own block to one half of the honest nodes, and its twin to the other half.
func (l *liars) twins(from *replica, to int, frame []byte, m *enginev1.PeerMessage) []byte {
	rank := 0
	for i := range to {
		if !l.is(i) {
			rank++
		}
	}
	id := from.chain.votes.asked[from.node.Index] // it asks about what it shows
	if rank%2 == 1 {
		frame, id = l.twin(from, frame, m, id)
	}
	l.plots.joins(to, from.chain.votes.known[id], id)
	return frame
}

// twin replaces a liar's own block by another one for the same place, signed with the same key.
func (l *liars) twin(
	from *replica, frame []byte, m *enginev1.PeerMessage, id primitives.Hash,
) ([]byte, primitives.Hash) {
	chain := from.chain.id
	b, err := block.Decode(chain, m.GetPushQuery().GetContainer())
	if err != nil || int(b.Proposer) != from.node.Index {
		return frame, id
	}
	other, err := byzantine.Twin(chain, b, l.net.Secrets[from.node.ID])
	if err != nil {
		return frame, id
	}
	from.chain.votes.onBlock(from, other.Bytes())
	return remake(frame, func(m *enginev1.PeerMessage) { m.GetPushQuery().Container = other.Bytes() }), other.ID()
}

// remake changes the engine's message in a frame.
func remake(frame []byte, change func(*enginev1.PeerMessage)) []byte {
	var f nbv1.Frame
	var m enginev1.PeerMessage
	if proto.Unmarshal(frame, &f) != nil || proto.Unmarshal(f.GetMessage().GetPayload(), &m) != nil {
		return frame
	}
	change(&m)
	payload, err := proto.Marshal(&m)
	if err != nil {
		return frame
	}
	f.GetMessage().Payload = payload
	changed, err := proto.Marshal(&f)
	if err != nil {
		return frame
	}
	return changed
}
