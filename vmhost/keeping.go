package vmhost

import (
	"context"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
)

// keeping makes undecided blocks durable for the engine, one after the other, with or without a plugin.
type keeping struct {
	sub   *subsystem.Sub
	store *chainstore.Record
	lane  lane
}

// mostKeeping is how many questions may wait. The engine asks one at a time.
const mostKeeping = 16

func newKeeping(sub *subsystem.Sub, store *chainstore.Record) *keeping {
	return &keeping{sub: sub, store: store, lane: lane{limit: 1, bound: mostKeeping}}
}

func (k *keeping) handle(m *subsystem.Message) bool {
	switch body := m.Body.(type) {
	case *vmv1.KeepBlock:
		k.onKeepBlock(m, body)
	case *vmv1.GetKeptBlock:
		k.onGetKeptBlock(m, body)
	default:
		return false
	}
	return true
}

func (k *keeping) onKeepBlock(m *subsystem.Message, q *vmv1.KeepBlock) {
	id, ok := hashOf(q.GetBlockId())
	if !ok || len(q.GetConsensusBlock()) == 0 {
		refuse(m, invalid("a block without an id or without bytes can't be kept"))
		return
	}
	also, _ := hashOf(q.GetAlso())
	kept := chainstore.Undecided{Height: q.GetHeight(), Consensus: q.GetConsensusBlock(), Proof: q.GetProof()}
	inTurn(k.sub, &k.lane, m, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, k.store.Keep(ctx, id, kept, also)
	}, func(struct{}) { m.Reply(&vmv1.KeepBlockResponse{}) })
}

func (k *keeping) onGetKeptBlock(m *subsystem.Message, q *vmv1.GetKeptBlock) {
	id, _ := primitives.HashFrom(q.GetBlockId()) // nothing is kept under the zero one
	find := func(ctx context.Context) (chainstore.Undecided, error) { return k.store.Kept(ctx, id) }
	inTurn(k.sub, &k.lane, m, find, func(kept chainstore.Undecided) {
		m.Reply(&vmv1.GetKeptBlockResponse{ConsensusBlock: kept.Consensus, Proof: kept.Proof})
	})
}
