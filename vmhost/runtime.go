package vmhost

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// onQueryRuntime asks for the answer without what it names, and once more for all if some of that isn't here.
func (r *reads) onQueryRuntime(m *subsystem.Message, q *pluginv1.QueryRuntimeRequest) {
	r.queryRuntime(m, q, true, func(a *pluginv1.QueryRuntimeResponse) {
		r.hold(a, func(err error) {
			if err == nil {
				r.putBlobs(m, a)
				return
			}
			r.queryRuntime(m, q, false, func(a *pluginv1.QueryRuntimeResponse) { r.putBlobs(m, a) })
		})
	})
}

func (r *reads) queryRuntime(m *subsystem.Message, q *pluginv1.QueryRuntimeRequest, withoutBlobs bool,
	then func(*pluginv1.QueryRuntimeResponse)) {
	askRuntime(r, m, q.GetBlockId(), func(ctx context.Context, g *generation, block []byte) (
		*pluginv1.QueryRuntimeResponse, error) {
		return g.runtime.QueryRuntime(ctx, &pluginv1.QueryRuntimeRequest{
			BlockId: block, Request: q.GetRequest(), ConsensusId: q.GetBlockId(), WithoutBlobs: withoutBlobs,
		})
	}, then)
}

func (r *reads) onCheckInherent(m *subsystem.Message, q *pluginv1.CheckInherentRequest) {
	askRuntime(r, m, q.GetBlockId(), func(ctx context.Context, g *generation, block []byte) (
		*pluginv1.CheckInherentResponse, error) {
		return g.runtime.CheckInherent(ctx, &pluginv1.CheckInherentRequest{
			BlockId: block, Inherent: q.GetInherent(), ConsensusId: q.GetBlockId(),
		})
	}, func(a *pluginv1.CheckInherentResponse) { m.Reply(a) })
}

// askRuntime passes a parachain question on, beside the block calls, to a plugin that knows the block by its own name.
func askRuntime[R proto.Message](r *reads, m *subsystem.Message, consensus []byte,
	call func(ctx context.Context, g *generation, block []byte) (R, error), reply func(R)) {
	g, limit, trace := r.life.gen, r.life.limits.AppCall, r.sub.Traceparent()
	id, ok := hashOf(consensus)
	switch {
	case g == nil:
		refuse(m, r.life.unavailable())
		return
	case r.life.lacks(vmsdk.CapabilityParachainRuntime):
		refuse(m, unimplemented(vmsdk.CapabilityParachainRuntime))
		return
	case !ok:
		refuse(m, notFound())
		return
	}
	block, processing := r.blocks.within(id)
	taken := r.lane.add(task{run: func(done func()) {
		subsystem.Offload(r.sub, func() (answer R, err error) {
			ctx, cancel := context.WithTimeout(intercept.Continue(context.Background(), trace), limit)
			defer cancel()
			if !processing {
				if block, err = r.accepted(ctx, id); err != nil {
					return answer, err
				}
			}
			return call(ctx, g, block[:])
		}, func(answer R, err error) {
			switch {
			case errors.Is(err, chainstore.ErrNotFound):
				refuse(m, notFound())
			case err == nil:
				reply(answer)
			default:
				refuse(m, unavailable(r.life.failed(g, nameOf(m.Body), err), r.life.limits.RestartMin))
			}
			done()
		})
	}})
	if !taken {
		refuse(m, busy())
	}
}

// accepted is the VM's name of an accepted consensus block.
func (r *reads) accepted(ctx context.Context, consensus primitives.Hash) (primitives.Hash, error) {
	e, err := r.store.ByBlockID(ctx, consensus)
	if err != nil {
		return primitives.Hash{}, err
	}
	return e.VMBlock, nil
}

// blobLease is how long what an answer names stays without anybody else's lease: the asker takes one of its own.
const blobLease = time.Minute

// hold keeps in the node's blob store what an answer names; an error: not all of it is there.
func (r *reads) hold(a *pluginv1.QueryRuntimeResponse, then func(error)) {
	if len(a.GetNamed()) == 0 {
		then(nil)
		return
	}
	next := a.GetNamed()[0]
	a.Named = a.Named[1:]
	r.sub.Blobs().Hold(next, blobLease, func(err error) {
		if err != nil {
			then(err)
			return
		}
		r.hold(a, then)
	})
}

// putBlobs puts what an answer names into the node's blob store, one after the other, and then passes it on.
func (r *reads) putBlobs(m *subsystem.Message, a *pluginv1.QueryRuntimeResponse) {
	if len(a.GetBlobs()) == 0 {
		m.Reply(a)
		return
	}
	next := a.GetBlobs()[0]
	a.Blobs = slices.Delete(a.Blobs, 0, 1)
	r.sub.Blobs().Put(next, blobLease, func(_ *primitivesv1.BlobRef, err error) {
		if err != nil {
			refuse(m, internal("what the answer names can't be put into the blob store: %v", err))
			return
		}
		r.putBlobs(m, a)
	})
}
