package statementdistribution

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/knowledge"
	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// bundle is what several peers are sent alike.
type bundle struct {
	knowledge.Send
	peers [][]byte
}

// send sends what is to be sent, to each peer in that order.
func (d *distribution) send(sends []knowledge.Send) {
	for _, b := range bundles(sends) {
		r, known := d.leaves.Get(b.RelayParent[:])
		if !known {
			continue
		}
		for _, payload := range r.payloads(b.Statements) {
			d.sub.Send(&nbv1.SendMessage{Peers: b.peers, Protocol: protocol, Payload: payload})
		}
	}
}

// bundles makes one of sends that are alike, so that what goes to all peers is one message of the bus. Nothing
// overtakes what the same peer is sent before.
func bundles(sends []knowledge.Send) (list []*bundle) {
	last := map[primitives.NodeID]int{} // bundle of the peer
	for _, s := range sends {
		at := slices.IndexFunc(list, func(b *bundle) bool {
			return b.RelayParent == s.RelayParent && slices.Equal(b.Statements, s.Statements)
		})
		if before, any := last[s.Peer]; at < 0 || any && before >= at {
			at = len(list)
			list = append(list, &bundle{Send: s})
		}
		last[s.Peer] = at
		list[at].peers = append(list[at].peers, s.Peer[:])
	}
	return list
}
