// Package bitfielddistribution spreads the validators' signed availability bitfields, and gives each new one to the
// provisioner.
//
// It takes this validator's own from bitfield-signing (DistributeBitfield), and peers' from network-bridge. Which
// bitfield goes to which peer, and what one from a peer is worth, is decided by internal/core/bitfields; this package
// verifies the signatures, and says to network-bridge what is to be sent (SendMessage) and what peers have earned
// (ReportPeer). What is new goes to the provisioner, once (ProvisionableData). Of a leaf it asks runtime-api for the
// validators and the session.
//
// It signs nothing, and it doesn't judge whether a bitfield fits the cores: that is the chain's business. It never
// spreads one whose signature it hasn't verified, but for this validator's own.
package bitfielddistribution

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/bitfields"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/relaying"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	bdv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "bitfield-distribution"

// wants is what must be known of a leaf.
const wants = leaf.Validators | leaf.Session

// Config is what bitfield-distribution needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
}

// Spec declares bitfield-distribution.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		Sends: []proto.Message{
			&nbv1.RegisterEventProducer{}, &nbv1.SendMessage{}, &nbv1.ReportPeer{}, &provisionerv1.ProvisionableData{},
		},
		Asks: leaf.Asks(wants),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			sub.Send(&nbv1.RegisterEventProducer{Protocol: protocol})
			return &distribution{
				sub: sub, core: bitfields.New(relaying.Choice(sub.Rand().Uint64())),
				leaves: leaf.Jobs[*job]{Chain: cfg.Chain}, verifier: parachain.NewVerifier(),
				stale: map[primitives.NodeID]bool{}, earned: map[primitives.NodeID]int32{},
				of: map[primitives.NodeID]int{},
			}, nil
		},
	}
}

// distribution is the handler.
type distribution struct {
	sub    *subsystem.Sub
	core   *bitfields.Distribution
	leaves leaf.Jobs[*job]
	stale  map[primitives.NodeID]bool  // whom the bridge, which tells anew who is connected, hasn't named yet
	earned map[primitives.NodeID]int32 // benefits that aren't reported yet

	verifier  *parachain.Verifier
	heard     []heard                   // that wait for their signatures to be verified
	of        map[primitives.NodeID]int // bytes of them, and of those that are being verified
	verifying bool
	counts
}

// Signal begins and ends the work on leaves.
func (d *distribution) Signal(sig *overseerv1.Signal) { d.leaves.Signal(sig, d.begin, d.end) }

// Presence tells an instance of the provisioner that has come what is known: it has nothing of what another one was
// told.
func (d *distribution) Presence(p subsystem.Presence) {
	if p.Subsystem == "provisioner" && p.Present {
		d.leaves.Each(func(relayParent primitives.Hash, _ *job) {
			for _, s := range d.core.Kept(relayParent) {
				d.provide(relayParent, s)
			}
		})
	}
}

// Handle takes one message.
func (d *distribution) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *bdv1.DistributeBitfield:
		d.onDistributeBitfield(body)
	case *bdv1.NetworkBridgeUpdate:
		d.onEvent(body.GetEvent())
	default:
		m.Unknown()
	}
}
