package engine

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// register tells the network bridge which protocols this subsystem serves and who the validators are.
func (e *engine) register() {
	set := &nbv1.SetValidators{}
	for i := range e.cfg.Validators.Len() {
		v := e.cfg.Validators.At(i)
		set.Validators = append(set.Validators, &nbv1.Validator{NodeId: v.Node[:], Stake: v.Stake})
	}
	e.sub.Send(set)
	for _, p := range protocols {
		e.sub.Send(&nbv1.RegisterEventProducer{Protocol: p})
	}
}

// begin asks for the last accepted block until there is an answer.
func (e *engine) begin(pause time.Duration) {
	e.sub.After(pause, func() {
		subsystem.Ask(e.sub, &vmv1.LastAccepted{}, askTimeout, func(r *vmv1.LastAcceptedResponse, err error) {
			switch {
			case e.stopped:
			case err != nil:
				e.notYet(err.Error(), pause)
			case r.GetError() != nil:
				e.notYet(describe(r.GetError()), pause)
			default:
				e.start(r.GetBlock(), r.GetFirst())
			}
		})
	})
}

func (e *engine) notYet(why string, pause time.Duration) {
	if e.trouble == "" {
		e.sub.Log.Info("waiting for the VM's host", "cause", why)
	}
	e.trouble = why
	e.begin(min(max(2*pause, leastRetry), mostRetry))
}

// start makes the core and tells it who is connected. first: no engine has begun on this data before.
func (e *engine) start(last *vmv1.AcceptedBlock, first bool) {
	anchor, vmID, err := e.anchor(last)
	if err != nil {
		e.halt("the record of accepted blocks is damaged", err)
		return
	}
	seed := e.sub.Rand().Uint32()
	core, err := snowman.New(snowman.Config{
		Chain: e.cfg.Chain, Self: e.cfg.NodeID, Validators: e.cfg.Validators, Parameters: *e.cfg.Parameters, Rand: e.sub.Rand(),
		// Anywhere in the lower half: an answer to an earlier life of this engine isn't taken for a new one.
		FirstRequestID: seed >> 1, FirstLife: first, Unchecked: e.cfg.Unchecked,
	}, anchor, e.sub.Now())
	if err != nil {
		e.sub.Fatal(err)
		return
	}
	e.core, e.stage, e.trouble = core, enginev1.Stage_STAGE_NORMAL, ""
	e.ids.stand(anchor.ID, vmID)
	e.sub.Log.Info("consensus begins", "height", anchor.Height, "block", anchor.ID.Short(), "parameters", e.cfg.Parameters.String())
	e.setState(pluginv1.ChainState_CHAIN_STATE_NORMAL_OPERATION)
	for _, n := range e.connectedPeers() {
		e.step(snowman.PeerConnected{Node: n})
	}
	e.step(snowman.PendingTxs{}) // what the VM had to say before this engine started; there may be nothing
}

// anchor reads an entry of the record. The genesis block has no consensus block.
func (e *engine) anchor(last *vmv1.AcceptedBlock) (snowman.Anchor, primitives.Hash, error) {
	id, err := primitives.HashFrom(last.GetBlockId())
	if err != nil {
		return snowman.Anchor{}, id, err
	}
	vmID, err := primitives.HashFrom(last.GetVmBlockId())
	if err != nil {
		return snowman.Anchor{}, id, err
	}
	a := snowman.Anchor{ID: id, Height: last.GetHeight()}
	if a.Height == 0 {
		return a, vmID, nil
	}
	b, err := block.Decode(e.cfg.Chain, last.GetConsensusBlock())
	if err != nil {
		return a, vmID, err
	}
	if b.ID() != id || b.Height != a.Height {
		return a, vmID, fmt.Errorf("block %s at height %d is recorded as %s at height %d", b.ID().Short(), b.Height, id.Short(), a.Height)
	}
	a.Time = b.Time
	return a, vmID, nil
}

// setState tells the VM its stage. It is no precondition of anything, so nobody waits for it.
func (e *engine) setState(s pluginv1.ChainState) {
	e.vm.push(e, &vmOp{kind: opState, state: s})
}
