// Package collator is a parachain team's own part of a node: it follows the relay chain, tells the parachain's block
// producer when and on what to build (CollateOn), makes a signed collation of what was built (SubmitCollation), offers
// it to the validators that can back it, and tells what becomes of it (WatchCollations).
//
// Of each leaf it asks runtime-api which cores wait for the para, and in which context a block for them is made. The
// keystore signs the descriptor. It is connected to the validators of the present group and of the next
// (ConnectToValidators), advertises to each whose view has the relay parent, once, and serves the proof of validity in
// parts to those alone. A validator on the same node gets the collation over the bus (candidate-selection's Collation).
// What validators say of a collation is their word; that it is included is the chain's, which it follows itself.
//
// It judges no block: what the producer says of it is signed as it is, and a wrong word is the producer's loss. It never
// takes two collations for one relay parent and para.
package collator

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	"github.com/reevenet/reeve/services/internal/fate"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "collator"

// wants is what has to be known of a leaf.
const wants = leaf.Validators | leaf.Groups | leaf.Cores | leaf.Own

// Config is what the collator needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
}

// Spec declares the collator.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		Sends: []proto.Message{
			&nbv1.RegisterEventProducer{}, &nbv1.ReportPeer{}, &nbv1.SendMessage{}, &nbv1.SendResponse{},
		},
		Asks: slices.Concat(leaf.Asks(wants), []proto.Message{
			&nbv1.ConnectToValidators{}, &keystorev1.SignCollation{},
			&candidateselectionv1.Collation{}, &candidateselectionv1.CollationOutcome{},
		}),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { return newCollator(cfg, sub), nil },
	}
}

// collator is the handler.
type collator struct {
	sub    *subsystem.Sub
	leaves leaf.Jobs[*relayParent]
	key    []byte // that signs collations; nil until somebody collates
	paras  map[uint32]*collating
	peers  map[primitives.NodeID]*peer
	fates  fate.Follower
	reach  reach
	coder  *erasure.Coder // of the last session's number of validators

	collations map[primitives.Hash]*collation // that are remembered, by candidate
	order      []*collation                   // the same, oldest first
	watchers   []watcher
	counts     counts
}

func newCollator(cfg Config, sub *subsystem.Sub) *collator {
	c := &collator{
		sub: sub, leaves: leaf.Jobs[*relayParent]{Chain: cfg.Chain}, paras: map[uint32]*collating{},
		peers: map[primitives.NodeID]*peer{}, collations: map[primitives.Hash]*collation{},
	}
	c.fates = fate.Follower{Sub: sub, Chain: cfg.Chain, Told: c.onBlock}
	sub.Send(&nbv1.RegisterEventProducer{Protocol: collatorv1.ToCollators})
	return c
}

// Signal begins and ends the work on relay parents.
func (c *collator) Signal(sig *overseerv1.Signal) {
	c.leaves.Signal(sig, c.begin, func(_ primitives.Hash, r *relayParent) { r.end() })
	c.fates.Signal(sig)
}

// Handle takes one message.
func (c *collator) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *collatorv1.CollateOn:
		c.onCollateOn(m, body.GetPara())
	case *collatorv1.SubmitCollation:
		c.onSubmitCollation(m, body)
	case *collatorv1.WatchCollations:
		c.onWatchCollations(m, body.GetPara())
	case *collatorv1.NetworkBridgeUpdate:
		c.onEvent(body.GetEvent())
	default:
		m.Unknown()
	}
}
