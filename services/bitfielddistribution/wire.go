package bitfielddistribution

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/bitfields"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	bdv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
)

// maxPayload is the length in bytes of a message of the protocol: a bit for each of 16,384 cores takes 2 KiB.
const maxPayload = 4 << 10

// wireBudget is what decoding a peer's message may take: one bitfield.
var wireBudget = decode.Budget{Bytes: maxPayload, Elements: 16, Depth: 5}

// read reads a peer's message. The signature isn't looked at.
func read(payload []byte) (relayParent primitives.Hash, s bitfields.Signed, err error) {
	var w bdv1.Wire
	if err = decode.Unmarshal(payload, &w, wireBudget); err != nil {
		return relayParent, s, err
	}
	if relayParent, err = primitives.HashFrom(w.GetBitfield().GetRelayParent()); err != nil {
		return relayParent, s, err
	}
	b, err := parachain.Bitfield(w.GetBitfield().GetBitfield())
	return relayParent, bitfields.Signed(b), err
}

// write makes the message of a bitfield.
func write(relayParent primitives.Hash, s bitfields.Signed) ([]byte, error) {
	b := &bdv1.Bitfield{
		RelayParent: relayParent[:], Bitfield: parachain.BitfieldMessage(parachain.SignedBitfield(s)),
	}
	return proto.Marshal(&bdv1.Wire{Kind: &bdv1.Wire_Bitfield{Bitfield: b}})
}
