// Package availabilitydistribution brings each validator its own erasure chunk of every candidate on a core, serves
// chunks to others, and puts a candidate's data together again from enough of them.
//
// For each leaf of the relay chain it learns which candidates lie on cores. Of each whose chunk for this validator
// isn't here it takes the one that was pushed (push.go), or asks the backers for it, one after the other (own.go); it
// verifies the proof and gives the chunk to availability-store. Peers' questions are answered from the store
// (serve.go). FetchChunk and RecoverAvailableData do the same for whoever asks (fetchchunk.go, recover.go).
//
// Of several instances each learns of the leaves; the one that a candidate's TakeUp reaches sees to its chunk, and the
// one that a peer's questions reach answers them.
//
// It believes no chunk without its proof, and no data whose encoding doesn't have the candidate's root: a dishonest
// encoder can commit to chunks that belong to no data at all, and then the answer is the evidence. That too few answer
// says nothing about a candidate. Wrong chunks cost their sender; this node's own faults cost nobody.
package availabilitydistribution

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "availability-distribution"

// Protocol is what two of them speak.
const Protocol = "chunks"

// wants is what has to be known of a leaf.
const wants = leaf.Validators | leaf.Groups | leaf.Cores | leaf.Own

// Config is what availability-distribution needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
}

// Spec declares availability-distribution.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Sharded,
		Sends: []proto.Message{
			&nbv1.RegisterEventProducer{}, &nbv1.ReportPeer{}, &nbv1.SendResponse{}, &nbv1.SendBulk{},
			&distributionv1.TakeUp{},
		},
		Asks: slices.Concat(leaf.Asks(wants), []proto.Message{
			&storev1.QueryChunk{}, &storev1.QueryChunkAvailability{}, &storev1.StoreChunk{},
			&storev1.QueryAvailableData{}, &storev1.QueryAllChunks{}, &nbv1.SendRequest{},
		}),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			d := &distribution{
				sub: sub, jobs: leaf.Jobs[*job]{Chain: cfg.Chain}, live: map[primitives.Hash]*live{},
				newest: &job{own: -1},
				pushed: pushed{held: map[primitives.Hash]*gift{}, of: map[primitives.NodeID]int{}},
				served: served{spent: map[primitives.NodeID]*account{}},
			}
			d.register()
			return d, nil
		},
	}
}

// distribution is the handler.
type distribution struct {
	sub    *subsystem.Sub
	jobs   leaf.Jobs[*job]
	live   map[primitives.Hash]*live // candidates on cores of leaves
	newest *job                      // on the highest leaf that was learned
	pushed pushed
	served served
	coders map[int]*erasure.Coder
	room   *erasure.Coded // in which a candidate was put together last; nil: there is none

	recoveries int
	counts     counts
}

// counts are since the process began.
type counts struct{ fetched, taken, missing, served, refused, wrong int64 }

func (d *distribution) register() { d.sub.Send(&nbv1.RegisterEventProducer{Protocol: Protocol}) }

// Presence registers again with a network bridge that was restarted.
func (d *distribution) Presence(p subsystem.Presence) {
	if p.Subsystem == "network-bridge" && p.Present {
		d.register()
	}
}

// Signal begins work with each leaf and ends it with that.
func (d *distribution) Signal(sig *overseerv1.Signal) {
	d.jobs.Signal(sig, d.begin, func(_ primitives.Hash, j *job) { d.end(j) })
}

// Handle takes one message.
func (d *distribution) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *distributionv1.NetworkBridgeUpdate:
		d.onNetworkBridgeUpdate(body.GetEvent())
	case *distributionv1.DistributeChunk:
		d.onDistributeChunk(body)
	case *distributionv1.FetchChunk:
		d.onFetchChunk(m, body)
	case *distributionv1.RecoverAvailableData:
		d.onRecoverAvailableData(m, body)
	case *distributionv1.TakeUp:
		d.onTakeUp(body)
	default:
		m.Unknown()
	}
}

func (d *distribution) onNetworkBridgeUpdate(e *nbv1.NetworkBridgeEvent) {
	switch k := e.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeerRequest:
		d.onPeerRequest(k.PeerRequest)
	case *nbv1.NetworkBridgeEvent_PeerMessage:
		d.onPeerMessage(k.PeerMessage)
	case *nbv1.NetworkBridgeEvent_PeerMessages:
		for _, m := range k.PeerMessages.GetMessages() {
			d.onPeerMessage(m)
		}
	} // who goes stays answerable for what he was served
}

// report tells what a peer's conduct is worth.
func (d *distribution) report(peer []byte, worth int32, reason string) {
	if worth < 0 {
		d.counts.wrong++
	}
	d.sub.Send(&nbv1.ReportPeer{Peer: peer, CostBenefit: worth, Reason: reason})
}

// coder gives then that of a session with so many validators. To make the first of a large one takes a while, so it is
// done off the loop.
func (d *distribution) coder(n int, then func(*erasure.Coder, error)) {
	if c, known := d.coders[n]; known {
		then(c, nil)
		return
	}
	subsystem.Offload(d.sub, func() (*erasure.Coder, error) { return erasure.New(erasure.CodecFor(n), n) },
		func(c *erasure.Coder, err error) {
			if err == nil {
				d.remember(n, c)
			}
			then(c, err)
		})
}

// maxCoders is of how many sizes of a session coders are held.
const maxCoders = 16

func (d *distribution) remember(n int, c *erasure.Coder) {
	if d.coders == nil || len(d.coders) >= maxCoders {
		d.coders = map[int]*erasure.Coder{}
	}
	d.coders[n] = c
}

// Status says how availability-distribution is.
func (d *distribution) Status(s *subsystem.Status) {
	c := d.counts
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"leaves", int64(d.jobs.Len())}, {"live-candidates", int64(len(d.live))}, {"fetched", c.fetched},
		{"taken", c.taken}, {"missing", c.missing}, {"served", c.served}, {"refused", c.refused}, {"wrong", c.wrong},
		{"recoveries", int64(d.recoveries)}, {"pushed-bytes", int64(d.pushed.bytes)},
	} {
		s.Number(n.name, n.value)
	}
}
