package vmhost

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Limits of one answer to GetAncestors.
const (
	maxAncestors     = 2000
	maxAncestorBytes = 2 << 20
)

// read runs a look-up in the record off the loop.
func read[T any](h *handler, m *subsystem.Message, find func(ctx context.Context) (T, error), then func(T)) {
	ok := h.reads.add(task{run: func(done func()) {
		subsystem.Offload(h.sub, func() (T, error) { return find(context.Background()) }, func(v T, err error) {
			switch {
			case errors.Is(err, chainstore.ErrNotFound):
				refuse(m, notFound())
			case err != nil:
				refuse(m, vmsdk.ErrorToProto(err))
			default:
				then(v)
			}
			done()
		})
	}})
	if !ok {
		refuse(m, busy())
	}
}

func accepted(e *chainstore.Entry) *vmv1.AcceptedBlock {
	return &vmv1.AcceptedBlock{BlockId: e.BlockID[:], VmBlockId: e.VMBlock[:], Height: e.Height, ConsensusBlock: e.Consensus}
}

// onLastAccepted answers from memory.
func (h *handler) onLastAccepted(m *subsystem.Message) {
	last := h.record.Last()
	if last == nil {
		refuse(m, h.unavailable())
		return
	}
	m.Reply(&vmv1.LastAcceptedResponse{Block: accepted(last), First: h.fresh})
	h.fresh = false
}

func (h *handler) onGetBlock(m *subsystem.Message, r *vmv1.GetBlock) {
	id, ok := hashOf(r.GetVmBlockId())
	if !ok {
		refuse(m, notFound())
		return
	}
	if u, processing := h.processing[id]; processing {
		b := proto.CloneOf(u.block)
		b.Content = u.content
		m.Reply(&vmv1.GetBlockResponse{Block: b, Since: timestamppb.New(u.since)})
		return
	}
	read(h, m, func(ctx context.Context) (*chainstore.Entry, error) { return h.record.ByVMBlock(ctx, id) }, func(e *chainstore.Entry) {
		m.Reply(&vmv1.GetBlockResponse{Accepted: true, Block: &pluginv1.Block{Id: e.VMBlock[:], Height: e.Height, Content: e.Content}})
	})
}

func (h *handler) onGetConsensusBlock(m *subsystem.Message, r *vmv1.GetConsensusBlock) {
	id, ok := hashOf(r.GetBlockId())
	if !ok {
		refuse(m, notFound())
		return
	}
	read(h, m, func(ctx context.Context) (*chainstore.Entry, error) { return h.record.ByBlockID(ctx, id) }, func(e *chainstore.Entry) {
		m.Reply(&vmv1.GetConsensusBlockResponse{Block: accepted(e)})
	})
}

func (h *handler) onGetBlockIDAtHeight(m *subsystem.Message, r *vmv1.GetBlockIDAtHeight) {
	read(h, m, func(ctx context.Context) (*chainstore.Entry, error) { return h.record.AtHeight(ctx, r.GetHeight()) }, func(e *chainstore.Entry) {
		b := accepted(e)
		b.ConsensusBlock = nil
		m.Reply(&vmv1.GetBlockIDAtHeightResponse{Block: b})
	})
}

func (h *handler) onGetAncestors(m *subsystem.Message, r *vmv1.GetAncestors) {
	id, ok := hashOf(r.GetBlockId())
	if !ok {
		refuse(m, notFound())
		return
	}
	blocks, bytes := bounded(r.GetMaxBlocks(), maxAncestors), bounded(r.GetMaxBytes(), maxAncestorBytes)
	read(h, m, func(ctx context.Context) ([][]byte, error) { return h.record.Ancestors(ctx, id, blocks, bytes) }, func(b [][]byte) {
		m.Reply(&vmv1.GetAncestorsResponse{ConsensusBlocks: b})
	})
}

// bounded is what was asked, or the most when that is less or nothing was.
func bounded(asked uint32, most int) int {
	if asked == 0 || int64(asked) > int64(most) {
		return most
	}
	return int(asked)
}
