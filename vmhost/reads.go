package vmhost

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
)

// Limits of one answer to GetAncestors.
const (
	maxAncestors     = 2000
	maxAncestorBytes = 2 << 20
)

// reads answers what changes nothing, beside the block calls: from the record, with or without a plugin, or by asking
// the plugin.
type reads struct {
	sub    *subsystem.Sub
	life   *life
	store  *chainstore.Record
	blocks *blocks
	lane   lane
}

func (r *reads) handle(m *subsystem.Message) bool {
	switch body := m.Body.(type) {
	case *vmv1.LastAccepted:
		r.onLastAccepted(m)
	case *vmv1.GetBlock:
		r.onGetBlock(m, body)
	case *vmv1.GetConsensusBlock:
		r.onGetConsensusBlock(m, body)
	case *vmv1.GetBlockIDAtHeight:
		r.onGetBlockIDAtHeight(m, body)
	case *vmv1.GetAncestors:
		r.onGetAncestors(m, body)
	case *pluginv1.QueryRuntimeRequest:
		r.onQueryRuntime(m, body)
	case *pluginv1.CheckInherentRequest:
		r.onCheckInherent(m, body)
	default:
		return false
	}
	return true
}

func accepted(e *chainstore.Entry) *vmv1.AcceptedBlock {
	return &vmv1.AcceptedBlock{
		BlockId: e.BlockID[:], VmBlockId: e.VMBlock[:], Height: e.Height, ConsensusBlock: e.Consensus,
		Certificate: e.Certificate,
	}
}

// onLastAccepted answers from memory.
func (r *reads) onLastAccepted(m *subsystem.Message) {
	last := r.store.Last()
	if last == nil {
		refuse(m, r.life.unavailable())
		return
	}
	m.Reply(&vmv1.LastAcceptedResponse{Block: accepted(last)})
}

func (r *reads) onGetBlock(m *subsystem.Message, q *vmv1.GetBlock) {
	id, ok := hashOf(q.GetVmBlockId())
	if !ok {
		refuse(m, notFound())
		return
	}
	if u, processing := r.blocks.processing[id]; processing {
		b := proto.CloneOf(u.block)
		b.Content = u.content
		m.Reply(&vmv1.GetBlockResponse{Block: b, Since: timestamppb.New(u.since)})
		return
	}
	inTurn(r.sub, &r.lane, m, func(ctx context.Context) (*chainstore.Entry, error) { return r.store.ByVMBlock(ctx, id) },
		func(e *chainstore.Entry) {
			m.Reply(&vmv1.GetBlockResponse{Accepted: true,
				Block: &pluginv1.Block{Id: e.VMBlock[:], Height: e.Height, Content: e.Content}})
		})
}

func (r *reads) onGetConsensusBlock(m *subsystem.Message, q *vmv1.GetConsensusBlock) {
	id, ok := hashOf(q.GetBlockId())
	if !ok {
		refuse(m, notFound())
		return
	}
	inTurn(r.sub, &r.lane, m, func(ctx context.Context) (*chainstore.Entry, error) { return r.store.ByBlockID(ctx, id) },
		func(e *chainstore.Entry) {
			m.Reply(&vmv1.GetConsensusBlockResponse{Block: accepted(e)})
		})
}

func (r *reads) onGetBlockIDAtHeight(m *subsystem.Message, q *vmv1.GetBlockIDAtHeight) {
	inTurn(r.sub, &r.lane, m, func(ctx context.Context) (*chainstore.Entry, error) { return r.store.AtHeight(ctx, q.GetHeight()) },
		func(e *chainstore.Entry) {
			b := accepted(e)
			b.ConsensusBlock, b.Certificate = nil, nil
			m.Reply(&vmv1.GetBlockIDAtHeightResponse{Block: b})
		})
}

func (r *reads) onGetAncestors(m *subsystem.Message, q *vmv1.GetAncestors) {
	id, ok := hashOf(q.GetBlockId())
	if !ok {
		refuse(m, notFound())
		return
	}
	blocks, bytes := bounded(q.GetMaxBlocks(), maxAncestors), bounded(q.GetMaxBytes(), maxAncestorBytes)
	inTurn(r.sub, &r.lane, m, func(ctx context.Context) ([]*chainstore.Entry, error) {
		return r.store.Ancestors(ctx, id, blocks, bytes)
	}, func(entries []*chainstore.Entry) {
		a := &vmv1.GetAncestorsResponse{}
		for _, e := range entries {
			a.ConsensusBlocks = append(a.ConsensusBlocks, e.Consensus)
			a.Certificates = append(a.Certificates, e.Certificate)
		}
		m.Reply(a)
	})
}

// bounded is what was asked, or the most when that is less or nothing was.
func bounded(asked uint32, most int) int {
	if asked == 0 || int64(asked) > int64(most) {
		return most
	}
	return int(asked)
}
