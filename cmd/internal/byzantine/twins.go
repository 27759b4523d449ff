package byzantine

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/keys"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// push shows a block of the liar's own to one half of the others, and its twin to the other half.
func (l *liar) push(to primitives.NodeID, truth *enginev1.PushQuery) proto.Message {
	if !l.kind.twins() || l.half(to) == 0 {
		return truth
	}
	b, err := block.Decode(l.chain, truth.GetContainer())
	if err != nil || int(b.Proposer) != l.self {
		return truth
	}
	twin := l.twins[b.ID()]
	if twin == nil {
		if twin, err = Twin(l.chain, b, l.secret); err != nil {
			return truth
		}
		l.twins[b.ID()], l.twins[twin.ID()] = twin, b
		l.knows.note(twin)
	}
	lie := proto.CloneOf(truth)
	lie.Container = twin.Bytes()
	return lie
}

// serveTwin sends a twin that somebody asks for: the engine doesn't know it.
func (l *liar) serveTwin(from primitives.NodeID, m *enginev1.Get) {
	id, err := primitives.HashFrom(m.GetContainerId())
	if first := l.twins[id]; err == nil && first != nil && l.twins[first.ID()] != nil {
		twin := l.twins[first.ID()]
		l.send([]primitives.NodeID{from}, &enginev1.Put{RequestId: m.GetRequestId(), Container: twin.Bytes()})
	}
}

// Twin is another valid block for the place of b, with the same content, signed with the key itself.
func Twin(chain block.Chain, b *block.Block, secret keys.Secret) (*block.Block, error) {
	h, body := b.Header, block.Body(b.Inherent(), b.VMBlock())
	h.Time++
	payload, err := h.Payload(chain, primitives.HashOf(body)).Encode()
	if err != nil {
		return nil, err
	}
	return block.New(chain, h, body, secret.Sign(payload))
}
