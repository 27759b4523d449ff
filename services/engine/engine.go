// Package engine is the subsystem that runs consensus on one chain: the shell around the pure core of
// internal/core/snowman.
//
// It receives what other nodes' engines say (through the network bridge), the VM's events from its host, and operators'
// questions. Each becomes an input of the core, which the driver runs; of the actions that come out, the executor has
// the VM's host do what concerns blocks, the builder has a block built and signed, and the sender sends the rest over
// the network bridge. The overseer learns of every block that is issued and of every block that is durably accepted.
// What peers ask for is answered by gets, from the record; what two VMs have to say to one another is carried by apps.
//
// It keeps no state on disk: the VM's host commits an accepted block together with the VM's writes, keeps the blocks
// that this node is bound to by its votes, and is asked for both at every start. While the host, the plugin or the
// keystore is restarting, what is asked of it waits and is asked again; nothing is lost by that. What proves that a
// validator has signed two things for one place is written to the disk, for people and for peers; nothing is decided by
// it, and a disk that fails stops nothing.
//
// It never treats a peer's bytes as an error of this node. If the VM refuses what consensus has decided it stops with
// the exit code of a safety halt: going on would mean that this node's state isn't the network's.
package engine

import (
	"crypto/ed25519"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// Name is the subsystem's name.
const Name = "engine"

// The protocols between the engines of two nodes, one per lane, as the node's configuration declares them to the
// network bridge.
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
	// Relay: it is the relay chain, whose blocks have an inherent.
	Relay bool
	// Disk and Dir are where evidence against validators is kept.
	Disk disk.Disk
	Dir  string
	// Absences is told who is missing from certificates. Nil: nobody wants to know.
	Absences Absences
	// Tamper makes a liar of the engine. Nil but in drills.
	Tamper NewTamper
	// Flaws are none but in the simulation's controls.
	Flaws finality.Flaws
	// VerifyBlock and VerifyVote check signatures. Nil: with ed25519. A simulation remembers what one node has checked.
	VerifyBlock func(*block.Block, ed25519.PublicKey) bool
	VerifyVote  func(height uint64, v finality.Signed) bool
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
			&pluginv1.AppRequestRequest{}, &pluginv1.AppResponseRequest{}, &pluginv1.AppRequestFailedRequest{},
			&pluginv1.AppGossipRequest{}, &pluginv1.ConnectedRequest{}, &pluginv1.DisconnectedRequest{},
		},
		Asks: []proto.Message{
			&vmv1.LastAccepted{}, &pluginv1.SetStateRequest{}, &pluginv1.BuildBlockRequest{},
			&pluginv1.VerifyBlockRequest{},
			&vmv1.AcceptBlock{}, &pluginv1.RejectBlockRequest{}, &pluginv1.SetPreferenceRequest{},
			&vmv1.GetConsensusBlock{}, &vmv1.GetBlockIDAtHeight{}, &vmv1.GetAncestors{},
			&vmv1.KeepBlock{}, &vmv1.GetKeptBlock{},
			&pluginv1.GetLastStateSummaryRequest{}, &pluginv1.GetStateSummaryRequest{},
			&keystorev1.SignBlock{}, &keystorev1.SignVote{}, &keystorev1.QueryVotes{},
			&provisionerv1.RequestBlockAuthorshipData{}, &provisionerv1.RequestInherentData{},
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { return newEngine(cfg, sub) },
	}
}

// engine is the handler: it passes what arrives to its parts, and from one to another.
type engine struct {
	cfg Config
	sub *subsystem.Sub

	send      *sender
	drops     *drops
	peers     *peers
	driver    *driver
	consensus *consensus
	gets      *gets
	apps      *apps
	executor  *executor
	builder   *builder
	inherents *inherents
	voter     *voter
	preserver *preserver
	witness   *witness
	absences  *absences
	starter   *starter
	host      *hostHealth

	phase   phase
	stopped bool
}

func newEngine(cfg Config, sub *subsystem.Sub) (*engine, error) {
	if cfg.Parameters == nil {
		p := snowball.For(cfg.Validators.Units())
		cfg.Parameters = &p
	}
	if err := cfg.Parameters.Validate(cfg.Validators.Units()); err != nil {
		return nil, err
	}
	e := &engine{
		cfg: cfg, sub: sub, phase: starting, host: &hostHealth{},
	}
	e.assemble()
	e.register()
	e.witness.keeper.open()
	e.recall(func(own ownVotes, kept []snowman.Restored) {
		e.starter.begin = func(last *vmv1.AcceptedBlock) { e.begin(last, own, kept) }
		e.starter.ask(0)
	})
	return e, nil
}

// assemble makes the parts.
func (e *engine) assemble() {
	sub, set, ids := e.sub, e.cfg.Validators, newVMIDs()
	e.drops = &drops{sub: sub, count: make(map[string]int)}
	e.send = &sender{sub: sub, drops: e.drops, chain: e.cfg.Chain.ID}
	if e.cfg.Tamper != nil {
		e.send.tamper = e.cfg.Tamper(sub, e.send.send)
	}
	e.peers = &peers{self: e.cfg.NodeID, set: set, drops: e.drops, connected: make(map[primitives.NodeID]bool)}
	e.driver = &driver{sub: sub, perform: e.perform}
	e.consensus = &consensus{send: e.send, core: e.driver}
	e.gets = &gets{sub: sub, send: e.send, questions: newQuestions(set, sub, e.underWay), core: e.driver}
	e.driver.settled = e.gets.questions.next
	e.apps = &apps{sub: sub, peers: e.peers, send: e.send, owed: newOwed(set), drops: e.drops, served: e.gets.questions,
		muted: make(map[primitives.NodeID]time.Time)}
	e.executor = &executor{
		sub: sub, set: set, host: e.host, ids: ids, blocks: e.driver.block, result: e.driver.step, halt: e.halt,
	}
	e.inherents = &inherents{sub: sub, relay: e.cfg.Relay, want: func() { e.driver.step(snowman.PendingTxs{}) }}
	e.builder = &builder{
		sub: sub, chain: e.cfg.Chain, set: set, ids: ids, result: e.driver.step, inherents: e.inherents,
	}
	self, votes := set.Index(e.cfg.NodeID)
	if !votes {
		self = -1
	}
	e.voter = &voter{sub: sub, chain: e.cfg.Chain, self: self, useful: e.driver.deciding, result: e.driver.step}
	e.witness = &witness{
		sub: sub, send: e.send, drops: e.drops, peers: e.peers, chain: e.cfg.Chain, set: set,
		checked: make(map[account]*rate.Limiter),
	}
	e.witness.keeper = &keeper{
		sub: sub, disk: e.cfg.Disk, dir: e.cfg.Dir, kept: e.witness.kept, faults: make(map[fault]bool),
	}
	e.preserver = &preserver{sub: sub, chain: e.cfg.Chain, useful: e.driver.deciding, result: e.driver.step}
	e.absences = &absences{sub: sub, core: e.driver, set: set, tell: e.cfg.Absences}
	e.starter = &starter{sub: sub, host: e.host}
}

// underWay tells whether a block is being made, decided or executed.
func (e *engine) underWay() bool {
	return e.driver.underWay() || e.executor.busy || len(e.executor.queue) > 0
}

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

// recall asks the keystore what this node has voted before, since its votes are its lock and it must not forget one,
// and the VM's host for the blocks that they bind it to. Where the chain stands is asked after that: a block that the
// host has given up by then is one that it has accepted.
func (e *engine) recall(then func(ownVotes, []snowman.Restored)) {
	if e.voter.self < 0 {
		then(ownVotes{}, nil)
		return
	}
	e.voter.remember(0, func(own ownVotes) {
		e.preserver.restore(own, func(kept []snowman.Restored) { then(own, kept) })
	})
}

// begin makes the core and tells it who is connected.
func (e *engine) begin(last *vmv1.AcceptedBlock, own ownVotes, kept []snowman.Restored) {
	anchor, vmID, err := readAnchor(e.cfg.Chain, last)
	if err != nil {
		e.halt("the record of accepted blocks is damaged", err)
		return
	}
	_, certificate, err := finality.DecodeProof(last.GetCertificate())
	if err != nil && anchor.Height > 0 {
		e.halt("the record of accepted blocks is damaged", err)
		return
	}
	seed := e.sub.Rand().Uint32()
	core, err := snowman.New(snowman.Config{
		Chain: e.cfg.Chain, Self: e.cfg.NodeID, Validators: e.cfg.Validators, Parameters: *e.cfg.Parameters,
		Rand: e.sub.Rand(),
		// Anywhere in the lower half: an answer to an earlier life of this engine isn't taken for a new one.
		FirstRequestID: seed >> 1, OwnHeight: own.height, Own: own.votes,
		Certificate: certificate,
		Flaws:       e.cfg.Flaws, VerifySignature: e.cfg.VerifyBlock, VerifyVote: e.cfg.VerifyVote,
	}, anchor, e.sub.Now())
	if err != nil {
		e.sub.Fatal(err)
		return
	}
	e.phase = normal
	e.driver.start(core)
	e.executor.ids.stand(anchor.ID, vmID)
	e.sub.Log.Info("consensus begins",
		"height", anchor.Height, "block", anchor.ID.Short(), "parameters", e.cfg.Parameters.String())
	// The VM's state is no precondition of anything, so nobody waits for it.
	e.executor.push(&vmOp{kind: opState, state: pluginv1.ChainState_CHAIN_STATE_NORMAL_OPERATION})
	for _, b := range kept {
		e.driver.step(b)
	}
	for _, n := range e.peers.list() {
		e.driver.step(snowman.PeerConnected{Node: n})
	}
	e.driver.step(snowman.PendingTxs{}) // what the VM had to say before this engine started; there may be nothing
}

// stop ends everything that is outstanding, as cancelled.
func (e *engine) stop() {
	if e.stopped {
		return
	}
	e.stopped = true
	e.driver.stop()
	e.apps.stopped, e.executor.stopped, e.starter.stopped = true, true, true
	e.voter.stopped, e.preserver.stopped, e.witness.keeper.stopped = true, true, true
}

// halt stops the chain: the VM refuses what consensus has decided. The cause comes first in the log.
func (e *engine) halt(what string, err error) {
	if e.stopped {
		return
	}
	e.stop()
	e.phase, e.executor.halted = halted, true
	e.sub.Log.Error("the chain stops: "+what, "err", err)
	e.sub.Fatal(errcode.New(errcode.ChainHalted, whatToDo, err, "%s", what))
}

// contradicted stops the chain because what was decided can't be right: nothing is decided any more, and what proves
// who is to blame is written down first, if the disk does it soon.
func (e *engine) contradicted(a snowman.Halt) {
	e.driver.stop()
	e.executor.stopped = true
	cause := errUnfollowable
	if a.Other != nil {
		cause = errContradiction
	}
	e.witness.keeper.finish(a.Other, func() { e.halt(a.What, cause) })
}

const whatToDo = "Keep the data directory: what validators have signed twice is in data/evidence. Compare this node and " +
	"its VM with the other validators' before starting it again."
