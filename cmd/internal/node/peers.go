package node

import (
	"encoding/hex"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// peersOf lists what the network bridge knows of other nodes.
func peersOf(r *nbv1.PeersResponse) []gateway.Peer {
	list := make([]gateway.Peer, 0, len(r.GetPeers()))
	for _, p := range r.GetPeers() {
		id, err := primitives.NodeIDFrom(p.GetPeer())
		if err != nil {
			continue // the bridge checks them; a broken one is of no use to a person
		}
		list = append(list, gateway.Peer{
			NodeID: id, Connected: p.GetConnected(), Validator: p.GetValidator(), Inbound: p.GetInbound(),
			Address:    p.GetAddress(),
			Reputation: int(p.GetReputation()), BannedMillis: p.GetBannedForMs(), BytesReceived: p.GetBytesReceived(),
			BytesSent: p.GetBytesSent(),
			Agent:     printable(p.GetAgent()), LastError: printable(p.GetLastError()),
		})
	}
	return list
}

// printable keeps a peer's words from moving the cursor of whoever reads them.
func printable(s string) string {
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return "0x" + hex.EncodeToString([]byte(s))
		}
	}
	return s
}
