package relayvm

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func (u *users) rpcHead(context.Context, json.RawMessage) (any, error) { return u.headNow(), nil }

func (u *users) rpcParas(context.Context, json.RawMessage) (any, error) {
	w := u.head.Load().world
	list := []*Para{}
	for _, id := range slices.Sorted(maps.Keys(w.paras)) {
		list = append(list, w.paras[id])
	}
	return list, nil
}

// ParaView is a para, and its candidate on a core.
type ParaView struct {
	Para
	Pending *primitives.Hash `json:"pendingCandidate,omitempty"`
}

func (u *users) rpcPara(_ context.Context, params json.RawMessage) (any, error) {
	q, err := read[struct {
		Para uint32 `json:"para"`
	}](params)
	if err != nil {
		return nil, err
	}
	w := u.head.Load().world
	p := w.paras[q.Para]
	if p == nil {
		return nil, unknown(fmt.Sprintf("there is no para %d", q.Para))
	}
	v := ParaView{Para: *p}
	if on := w.pending[q.Para]; on != nil {
		v.Pending = &on.Candidate
	}
	return v, nil
}

// CoreView is a core as the next block finds it.
type CoreView struct {
	Core      uint32           `json:"core"`
	Para      *uint32          `json:"para,omitempty"` // absent: nobody's
	Group     []uint32         `json:"group"`          // the validators that back candidates for it
	Candidate *primitives.Hash `json:"candidate,omitempty"`
	Votes     int              `json:"votes,omitempty"` // validators that hold their chunk of it
	TimeOutAt uint64           `json:"timeOutAt,omitempty"`
}

func (u *users) rpcCores(context.Context, json.RawMessage) (any, error) {
	k := u.head.Load()
	list := []CoreView{}
	for i, c := range k.world.cores.CoreStates(k.Height + 1) {
		v := CoreView{Core: uint32(i), Group: k.world.cores.Groups[c.Group]}
		if o := c.Occupied; o != nil {
			v.Para, v.Candidate, v.Votes, v.TimeOutAt = &o.Para, &o.Candidate, o.Votes.Count(), o.TimeOutAt
		} else if c.Scheduled != nil {
			v.Para = &c.Scheduled.Para
		}
		list = append(list, v)
	}
	return list, nil
}

func (u *users) rpcConfiguration(context.Context, json.RawMessage) (any, error) {
	return u.head.Load().world.config, nil
}

func (u *users) rpcSession(context.Context, json.RawMessage) (any, error) {
	return u.head.Load().world.session, nil
}

// BlockView is an accepted block.
type BlockView struct {
	Height          uint64     `json:"height"`
	ID              vmsdk.ID   `json:"block"`
	Parent          vmsdk.ID   `json:"parent"`
	ConsensusParent vmsdk.ID   `json:"consensusParent"` // the relay parent of its candidates
	StateRoot       vmsdk.ID   `json:"stateRoot"`
	Time            time.Time  `json:"time"`
	Txs             []vmsdk.ID `json:"txs"`
	// Candidates is what it did to candidates; absent: that isn't kept any more.
	Candidates []Happened `json:"candidates,omitempty"`
}

func (u *users) rpcBlock(ctx context.Context, params json.RawMessage) (any, error) {
	q, err := read[struct {
		Height uint64 `json:"height"`
	}](params)
	if err != nil {
		return nil, err
	}
	if q.Height > u.head.Load().Height {
		return nil, unknown(fmt.Sprintf("there is no block %d yet", q.Height))
	}
	a, err := u.vm.chain.Blocks.AtHeight(ctx, q.Height)
	if err != nil {
		return nil, err
	}
	b, err := parseBlock(a.Content)
	if err != nil {
		return nil, err
	}
	v := &BlockView{
		Height: b.Height(), ID: b.id, Parent: b.Parent(), ConsensusParent: b.consensusParent, StateRoot: b.Root,
		Time: b.Timestamp(), Txs: b.TxIDs(),
	}
	if k := u.vm.kept.get(b.id); k != nil {
		v.Candidates = happenedIn(k.world.events, k.Height)
	}
	return v, nil
}
