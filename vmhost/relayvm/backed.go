package relayvm

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// backed is a candidate with the votes of its group.
type backed struct {
	receipt   candidate.CommittedReceipt
	canonical []byte
	hash      primitives.Hash
	voters    primitives.Bits
	votes     []*primitivesv1.ValidityAttestation
	size      int
}

func (b *backed) para() uint32 { return b.receipt.Descriptor.Collation.ParaID }

// readBacked reads a candidate, whatever the message is.
func readBacked(m *primitivesv1.BackedCandidate) (*backed, error) {
	b := &backed{votes: m.GetVotes(), size: proto.Size(m)}
	var err error
	if b.receipt, err = parachain.Committed(m.GetReceipt()); err != nil {
		return nil, verdictf("%v", err)
	}
	if b.canonical, err = b.receipt.Encode(); err != nil {
		return nil, verdictf("%v", err)
	}
	if b.hash, err = b.receipt.Hash(); err != nil {
		return nil, verdictf("%v", err)
	}
	if b.voters, err = parachain.Bits(m.GetGroupMembers()); err != nil {
		return nil, verdictf("its voters: %v", err)
	}
	if err := b.receipt.CheckHead(); err != nil {
		return nil, verdictf("%v", err)
	}
	return b, nil
}

// verdict is what is wrong with a part of an inherent. Other errors say that the state can't be read.
type verdict string

func (v verdict) Error() string { return string(v) }

func verdictf(format string, args ...any) error { return verdict(fmt.Sprintf(format, args...)) }

func isVerdict(err error) bool {
	_, is := err.(verdict)
	return is
}

// wrapped makes a verdict an invalid block, and leaves other errors as they are.
func wrapped(err error, format string, args ...any) error {
	if isVerdict(err) {
		return vmsdk.Invalidf("%s: %v", fmt.Sprintf(format, args...), err)
	}
	return err
}
