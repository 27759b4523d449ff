// Package statementdistribution spreads what validators say about candidates, under limits that no peer can stretch.
//
// It takes this node's own statements from candidate-backing (Share), and peers' from network-bridge. Which statement
// goes to which peer, and what one from a peer is worth, is decided by internal/core/knowledge; this package verifies
// the signatures, keeps the receipts of the candidates that it spreads, holds for a moment what comes before its relay
// parent is a leaf here, and says to network-bridge what is to be sent (SendMessage) and what peers have earned
// (ReportPeer). What is new it passes on to candidate-backing (Statement), once, and to whoever listens
// (RegisterStatementListener); when candidate-backing is started anew it is told everything again. Of a leaf it asks
// runtime-api for the validators and the session.
//
// It signs nothing, and it judges no candidate. It never sends a statement whose signature it hasn't verified, or one
// about a candidate before the candidate. What comes from one peer is done in the order in which it came, and waits for
// nobody but that peer.
package statementdistribution

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/knowledge"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/relaying"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	cbv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "statement-distribution"

// wanted is what it must know of a leaf.
const wanted = leaf.Validators | leaf.Session

// Config is what it needs.
type Config struct {
	// Chain is the relay chain's name.
	Chain string
}

// Spec declares statement distribution.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		Sends: []proto.Message{
			&nbv1.RegisterEventProducer{}, &nbv1.SendMessage{}, &nbv1.ReportPeer{}, &cbv1.Statement{},
		},
		Asks: leaf.Asks(wanted),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			sub.Send(&nbv1.RegisterEventProducer{Protocol: protocol})
			return &distribution{
				sub: sub, known: knowledge.New(relaying.Choice(sub.Rand().Uint64())),
				leaves: leaf.Jobs[*relayParent]{Chain: cfg.Chain}, verifier: parachain.NewVerifier(),
				peers: map[primitives.NodeID]*peer{}, audience: audience{most: maxListeners},
			}, nil
		},
	}
}

type distribution struct {
	sub    *subsystem.Sub
	known  *knowledge.Distribution
	leaves leaf.Jobs[*relayParent]
	peers  map[primitives.NodeID]*peer
	audience
	verifier   *parachain.Verifier
	hearings   []hearing // that wait for their signatures to be verified
	verifying  bool      // some are
	introduced bool      // the bridge has begun to tell of peers
	paying     bool      // benefits are reported in a moment
	counts
}

// Signal begins and ends the work on relay parents.
func (d *distribution) Signal(sig *overseerv1.Signal) { d.leaves.Signal(sig, d.begin, d.end) }

// Presence tells an instance of candidate-backing that has come what is known of leaves: it may have taken the place of
// one that has ended, or have some leaves from now on that were another one's.
func (d *distribution) Presence(p subsystem.Presence) {
	if p.Subsystem == "candidate-backing" && p.Present {
		d.leaves.Each(d.retell)
	}
}

// Handle takes one message.
func (d *distribution) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *sdv1.NetworkBridgeUpdate:
		d.onEvent(body.GetEvent())
	case *sdv1.Share:
		d.onShare(body)
	case *sdv1.RegisterStatementListener:
		d.onListener(m, body)
	default:
		m.Unknown()
	}
}
