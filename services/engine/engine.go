// Package engine is the subsystem that runs consensus on one chain: the shell around the pure core of internal/core/snowman.
//
// It receives what other nodes' engines say (through the network bridge), what the VM's host has to tell, and operators' questions. Each
// becomes an input of the core; the actions that come out are asked of the VM's host and of the keystore, and sent over the network
// bridge. It tells the overseer of every block that is issued and of every block that is durably accepted.
//
// It keeps nothing on disk: the VM's host commits an accepted block together with the VM's writes, and is asked for the last one at every
// start. While the host, the plugin or the keystore is restarting, what is asked of it waits and is asked again; nothing is lost by that.
//
// It never treats a peer's bytes as an error of this node. If the VM refuses what consensus has decided it stops with the exit code of a
// safety halt: going on would mean that this node's state isn't the network's.
package engine

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// Name is the subsystem's name.
const Name = "engine"

// The protocols between the engines of two nodes, one per lane, as the node's configuration declares them to the network bridge.
const (
	ProtocolConsensus = "consensus"  // queries, chits, blocks: lane consensus
	ProtocolApp       = "app"        // the VMs' requests and answers: lane backing
	ProtocolGossip    = "app-gossip" // the VMs' gossip: lane gossip
	ProtocolBulk      = "ancestors"  // ancestors and state summaries: lane bulk
)

var protocols = [...]string{ProtocolConsensus, ProtocolApp, ProtocolGossip, ProtocolBulk}

// Config is what an engine needs. A zero value in a field with a default takes it.
type Config struct {
	// Chain is the network's number and the chain's id, to which signatures are bound.
	Chain block.Chain
	// NodeID is this node's network identity.
	NodeID primitives.NodeID
	// Validators is the chain's validator set, with the keys that sign blocks.
	Validators *validators.Set
	// Parameters of consensus; default snowball.For the size of the set.
	Parameters *snowball.Parameters
	// Unchecked takes parameters that no simulation has found safe. Only the simulation's own controls set it.
	Unchecked bool
}

// Spec declares the engine.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.PerChain,
		Sends: []proto.Message{
			&overseerv1.BlockImported{}, &overseerv1.BlockAccepted{},
			&nbv1.RegisterEventProducer{}, &nbv1.SetValidators{}, &nbv1.SetSyncing{}, &nbv1.ReportPeer{},
			&nbv1.SendConsensusMessage{}, &nbv1.SendMessage{}, &nbv1.SendGossip{}, &nbv1.SendBulk{},
			&pluginv1.AppRequestRequest{}, &pluginv1.AppResponseRequest{}, &pluginv1.AppRequestFailedRequest{}, &pluginv1.AppGossipRequest{}, &pluginv1.ConnectedRequest{}, &pluginv1.DisconnectedRequest{},
		},
		Asks: []proto.Message{
			&vmv1.LastAccepted{}, &pluginv1.SetStateRequest{}, &pluginv1.BuildBlockRequest{}, &pluginv1.VerifyBlockRequest{}, &vmv1.AcceptBlock{}, &pluginv1.RejectBlockRequest{},
			&pluginv1.SetPreferenceRequest{}, &vmv1.GetConsensusBlock{}, &vmv1.GetBlockIDAtHeight{}, &vmv1.GetAncestors{},
			&pluginv1.GetLastStateSummaryRequest{}, &pluginv1.GetStateSummaryRequest{},
			&keystorev1.SignBlock{},
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { return newEngine(cfg, sub) },
	}
}

// engine is the handler.
type engine struct {
	cfg  Config
	sub  *subsystem.Sub
	core *snowman.Core // nil until the last accepted block is known

	stage   enginev1.Stage
	timer   func()    // cancels the core's next tick
	timerAt time.Time // when it fires

	vm    vmQueue
	ids   vmIDs
	peers map[primitives.NodeID]bool // connected; true: a validator

	health  map[string]*enginev1.HealthCheck // by name
	dropped map[string]int                   // what wasn't served, by reason
	trouble string                           // of the VM's host; empty when it answers
	syncing bool                             // as the network bridge was told
	stopped bool
}

func newEngine(cfg Config, sub *subsystem.Sub) (*engine, error) {
	if cfg.Parameters == nil {
		p := snowball.For(cfg.Validators.Units())
		cfg.Parameters = &p
	}
	if err := cfg.Parameters.Validate(cfg.Validators.Units()); err != nil && !cfg.Unchecked {
		return nil, err
	}
	e := &engine{
		cfg: cfg, sub: sub, stage: enginev1.Stage_STAGE_STARTING, peers: make(map[primitives.NodeID]bool),
		health: make(map[string]*enginev1.HealthCheck), dropped: make(map[string]int),
		ids: newVMIDs(),
	}
	e.register()
	e.begin(time.Duration(0))
	return e, nil
}

// Signal matters only at the end. The rest of the timeline is this subsystem's own news.
func (e *engine) Signal(sig *overseerv1.Signal) {
	if _, ok := sig.GetKind().(*overseerv1.Signal_Conclude); ok {
		e.onShutdown()
	}
}

// Presence registers again with a network bridge that was restarted: it may have lost what it was told.
func (e *engine) Presence(p subsystem.Presence) {
	if p.Subsystem == "network-bridge" && p.Present {
		e.register()
	}
}

// Handle takes one message.
func (e *engine) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *enginev1.NetworkBridgeUpdate:
		e.onNetworkBridgeUpdate(body.GetEvent())
	case *enginev1.Notify:
		e.onNotify(body.GetEvent())
	case *enginev1.SendAppRequest:
		e.onSendAppRequest(body)
	case *enginev1.SendAppResponse:
		e.onSendAppResponse(body)
	case *enginev1.SendAppError:
		e.onSendAppError(body)
	case *enginev1.SendAppGossip:
		e.onSendAppGossip(body)
	case *enginev1.Connected:
		e.onConnected(body.GetNodeId())
	case *enginev1.Disconnected:
		e.onDisconnected(body.GetNodeId())
	case *enginev1.Gossip:
		e.step(snowman.CheckFrontier{})
	case *enginev1.Shutdown:
		e.onShutdown()
	case *enginev1.QueryStatus:
		m.Reply(e.status())
	default:
		if !e.handleNamed(m.Body) {
			m.Unknown()
		}
	}
}

// step gives the core one input and performs what follows from it.
func (e *engine) step(in snowman.Input) {
	if e.core == nil || e.stopped {
		return
	}
	e.perform(e.core.Step(e.sub.Now(), in))
	e.arm()
	e.tellSyncing()
}

// tellSyncing tells the network bridge when catching up begins and ends: views of old leaves help nobody.
func (e *engine) tellSyncing() {
	if now := e.core.CatchingUp(); now != e.syncing {
		e.syncing = now
		e.sub.Send(&nbv1.SetSyncing{Syncing: now})
		e.sub.Log.Info("catching up", "under way", now, "height", e.core.Status().LastAccepted.Height)
	}
}

// arm sets the timer for the core's next tick.
func (e *engine) arm() {
	next := e.core.Next()
	if e.timer != nil {
		if e.timerAt.Equal(next) {
			return
		}
		e.timer()
	}
	e.timerAt = next
	e.timer = e.sub.After(max(next.Sub(e.sub.Now()), 100*time.Microsecond), func() {
		e.timer = nil
		if !e.stopped {
			e.perform(e.core.Tick(e.sub.Now()))
			e.arm()
			e.tellSyncing()
		}
	})
}

// onShutdown ends everything that is outstanding, as cancelled.
func (e *engine) onShutdown() {
	if e.stopped {
		return
	}
	e.stopped = true
	if e.timer != nil {
		e.timer()
	}
	if e.core != nil {
		e.core.Stop()
	}
}
