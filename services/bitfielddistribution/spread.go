package bitfielddistribution

import (
	"github.com/reevenet/reeve/internal/core/bitfields"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	bdv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
)

// onDistributeBitfield spreads this validator's own.
func (d *distribution) onDistributeBitfield(m *bdv1.DistributeBitfield) {
	relayParent, err := primitives.HashFrom(m.GetRelayParent())
	if err == nil {
		var b parachain.SignedBitfield
		if b, err = parachain.Bitfield(m.GetBitfield()); err == nil {
			d.follow(d.core.Share(relayParent, bitfields.Signed(b)))
			return
		}
	}
	d.sub.Log.Error("our own bitfield is malformed", "err", err)
}

// hear takes a peer's message.
func (d *distribution) hear(from primitives.NodeID, payload []byte) {
	relayParent, s, err := read(payload)
	if err != nil {
		d.sub.Log.Debug("a peer's bitfield can't be read", "peer", from.String(), "err", err)
		d.judge(from, unreadable)
		return
	}
	j, _ := d.leaves.Get(relayParent[:])
	if !d.core.Unverified(from, relayParent, s) {
		d.follow(d.core.Receive(from, relayParent, s))
		return
	}
	if d.of[from]+len(payload) > maxWaiting {
		d.surplus++
		return
	}
	d.of[from] += len(payload)
	d.heard = append(d.heard, heard{from, relayParent, s, len(payload), j})
	d.verify()
}

// follow does what comes of a bitfield.
func (d *distribution) follow(out bitfields.Received) {
	own := out.From.IsZero()
	switch out.Note {
	case bitfields.Fresh:
		d.fresh++
		d.provide(out.RelayParent, out.Bitfield)
	case bitfields.Second:
		d.sub.Log.Warn("a validator has signed two bitfields for one leaf: the first one counts", "validator",
			out.Bitfield.Validator, "parent", out.RelayParent.Short())
	case bitfields.NotUseful:
		d.dropped++
		if own {
			d.sub.Log.Info("our own bitfield comes too late: its leaf has ended, or has another session", "parent",
				out.RelayParent.Short())
		}
	case bitfields.Known, bitfields.Early:
	}
	d.judge(out.From, out.Conduct)
	for _, send := range out.Sends {
		d.send(send)
	}
}

// provide gives the provisioner a new one.
func (d *distribution) provide(relayParent primitives.Hash, s bitfields.Signed) {
	b := parachain.BitfieldMessage(parachain.SignedBitfield(s))
	d.sub.Log.Debug("bitfield", "validator", s.Validator, "parent", relayParent.Short(), "cores", s.Cores.Count())
	d.sub.Send(&provisionerv1.ProvisionableData{
		RelayParent: relayParent[:], Kind: &provisionerv1.ProvisionableData_Bitfield{Bitfield: b},
	})
}

func (d *distribution) send(s bitfields.Send) {
	payload, err := write(s.RelayParent, s.Bitfield)
	if err != nil {
		d.sub.Log.Error("a bitfield can't be encoded", "err", err)
		return
	}
	m := &nbv1.SendMessage{Protocol: protocol, Payload: payload}
	for _, id := range s.Peers {
		m.Peers = append(m.Peers, id[:])
	}
	d.sub.Send(m)
}
