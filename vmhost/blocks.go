package vmhost

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
)

// blocks has the plugin build and judge blocks, and keeps those that it has verified until they are decided. What it
// says of a block is what the plugin said, or what the store has; a block leaves it when it is in the store, or
// rejected.
type blocks struct {
	sub     *subsystem.Sub
	queue   *queue
	store   *chainstore.Record
	notices *notices
	durable *durable

	processing map[primitives.Hash]*undecided
	preferred  primitives.Hash
	contents   contents
	names      names
	// verifications counts them, for the order in which they are repeated.
	verifications uint64
}

// undecided is a block that the VM has verified and that is neither accepted nor rejected.
type undecided struct {
	block   *pluginv1.Block
	content []byte
	context *pluginv1.BuildContext
	// consensus are the consensus blocks that it is part of: one nearly always.
	consensus []primitives.Hash
	order     uint64
	since     time.Time
	// confirmed: the VM has said twice that this is its id.
	confirmed bool
}

func (b *blocks) handle(m *subsystem.Message) bool {
	switch body := m.Body.(type) {
	case *pluginv1.BuildBlockRequest:
		b.onBuildBlock(m, body)
	case *pluginv1.ParseBlockRequest:
		b.onParseBlock(m, body)
	case *pluginv1.VerifyBlockRequest:
		b.onVerifyBlock(m, body)
	case *vmv1.AcceptBlock:
		b.onAcceptBlock(m, body)
	case *pluginv1.RejectBlockRequest:
		b.onRejectBlock(m, body)
	case *pluginv1.SetPreferenceRequest:
		b.onSetPreference(m, body)
	default:
		return false
	}
	return true
}

// remember makes a block processing, in the consensus block of that name.
func (b *blocks) remember(id primitives.Hash, u *undecided, consensus []byte) {
	b.verifications++
	u.order, u.since = b.verifications, b.sub.Now()
	if before, known := b.processing[id]; known {
		u.consensus = before.consensus
	}
	u.wrapped(consensus)
	b.processing[id] = u
}

// wrapped notes that it is part of a consensus block of that name.
func (u *undecided) wrapped(consensus []byte) {
	if id, ok := hashOf(consensus); ok && !slices.Contains(u.consensus, id) && len(u.consensus) < maxWrappers {
		u.consensus = append(u.consensus, id)
	}
}

// maxWrappers is of how many consensus blocks one block of the VM may be part, as far as it is remembered.
const maxWrappers = 8

// within finds the processing block that is part of a consensus block.
func (b *blocks) within(consensus primitives.Hash) (id primitives.Hash, found bool) {
	for id, u := range b.processing {
		if slices.Contains(u.consensus, consensus) {
			return id, true
		}
	}
	return id, false
}

// known lists the undecided blocks in the order in which a plugin can be told of them: parents first.
func (b *blocks) known() []*undecided {
	return slices.SortedFunc(maps.Values(b.processing), func(x, y *undecided) int {
		return cmp.Or(cmp.Compare(x.block.GetHeight(), y.block.GetHeight()), cmp.Compare(x.order, y.order))
	})
}

// lose forgets a block that a new plugin refuses, or ends on, although the one before had verified it. When the block
// is decided it is verified anew.
func (b *blocks) lose(id primitives.Hash, why string) {
	b.sub.Log.Warn("a block that the VM had verified before it was started again isn't verified any more", "block", id,
		"err", why)
	delete(b.processing, id)
}

func (b *blocks) onRejectBlock(m *subsystem.Message, r *pluginv1.RejectBlockRequest) {
	id, _ := hashOf(r.GetBlockId())
	if _, processing := b.processing[id]; !processing {
		m.Reply(&pluginv1.RejectBlockResponse{})
		return
	}
	b.queue.add(m, &question[*pluginv1.RejectBlockResponse]{m: m,
		ask: func(ctx context.Context, g *generation) (*pluginv1.RejectBlockResponse, error) {
			return g.vm.RejectBlock(ctx, r)
		}, reply: func(a *pluginv1.RejectBlockResponse) {
			if a.GetError() == nil {
				delete(b.processing, id)
			}
			m.Reply(a)
		}})
}

// onSetPreference remembers; the plugin is told before it is asked to build.
func (b *blocks) onSetPreference(m *subsystem.Message, r *pluginv1.SetPreferenceRequest) {
	m.Reply(&pluginv1.SetPreferenceResponse{Error: b.prefer(r.GetBlockId())})
}

func (b *blocks) prefer(name []byte) *pluginv1.Error {
	id, ok := hashOf(name)
	if !ok {
		return notFound()
	}
	if _, processing := b.processing[id]; !processing && id != b.lastAccepted() {
		return notFound()
	}
	b.preferred = id
	return nil
}

// preference is the preferred block, or the one accepted last when that is gone.
func (b *blocks) preference() primitives.Hash {
	if _, processing := b.processing[b.preferred]; processing {
		return b.preferred
	}
	return b.lastAccepted()
}

// lastAccepted is the newest entry's VM block.
func (b *blocks) lastAccepted() primitives.Hash {
	if last := b.store.Last(); last != nil {
		return last.VMBlock
	}
	return primitives.Hash{}
}

// held refuses what is about a block that isn't shown to a plugin now.
func (b *blocks) held(m *subsystem.Message, contents ...[]byte) bool {
	e := b.queue.suspects.refusal(b.sub.Now(), contents...)
	if e != nil {
		refuse(m, e)
	}
	return e != nil
}

// sane checks what a plugin says of a block. A plugin that says nonsense is broken.
func sane(e *pluginv1.Error, b *pluginv1.Block) error {
	_, id := hashOf(b.GetId())
	_, parent := hashOf(b.GetParentId())
	if e == nil && (!id || !parent) {
		return status.Errorf(codes.Internal, "a block with an id of %d bytes and a parent of %d bytes", len(b.GetId()),
			len(b.GetParentId()))
	}
	return nil
}

func hashOf(b []byte) (primitives.Hash, bool) {
	id, err := primitives.HashFrom(b)
	return id, err == nil
}
