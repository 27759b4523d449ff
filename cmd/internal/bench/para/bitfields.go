package para

import (
	"context"
	"crypto/ed25519"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	bdv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// bitfields: each validator signs which of the cores' candidates it has its chunk of, all, and sends that; this node
// sends its own.
type bitfields struct{ bridge }

func playBitfields(st *stage) player {
	return &bitfields{bridge{stage: st, event: func(e *nbv1.NetworkBridgeEvent) proto.Message {
		return &bdv1.NetworkBridgeUpdate{Event: e}
	}}}
}

func (b *bitfields) roles() []role {
	return []role{
		b.role(), {name: "provisioner", on: func(*subsystem.Message) { b.did() }},
		{name: "bitfield-signing", sends: []proto.Message{&bdv1.DistributeBitfield{}},
			on: (*subsystem.Message).Unknown},
	}
}

func (b *bitfields) block(ctx context.Context, number uint64) error {
	if number == 1 {
		b.connect()
	}
	hash := blockHash(number)
	var events []*nbv1.NetworkBridgeEvent
	for v := own + 1; v < validators; v++ {
		events = append(events, b.message(v, encoded(&bdv1.Wire{Kind: &bdv1.Wire_Bitfield{
			Bitfield: &bdv1.Bitfield{RelayParent: hash[:], Bitfield: b.signed(hash, v)}}})))
	}
	b.expect(validators)
	b.grow(number)
	b.view(number)
	mine := &bdv1.DistributeBitfield{RelayParent: hash[:], Bitfield: b.signed(hash, own)}
	b.as("bitfield-signing", func(sub *subsystem.Sub) { sub.Send(mine) })
	b.tell(events...)
	return b.settle(ctx)
}

// signed is a validator's bitfield.
func (w *world) signed(relayParent primitives.Hash, validator int) *primitivesv1.SignedAvailabilityBitfield {
	s := parachain.SignedBitfield{Validator: uint32(validator), Cores: primitives.NewBits(uint32(w.cores))}
	for core := range w.cores {
		s.Cores.Set(uint32(core))
	}
	payload, err := s.Payload(signbytes.Context{Session: session, RelayParent: relayParent}).Encode()
	if err != nil {
		panic(err) // it has few cores
	}
	copy(s.Signature[:], ed25519.Sign(w.keys[validator], payload))
	return parachain.BitfieldMessage(s)
}
