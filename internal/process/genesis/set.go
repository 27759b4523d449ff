package genesis

import (
	"encoding/binary"
	"fmt"

	"github.com/reevenet/reeve/internal/core/validators"
)

// Set is the validators as consensus sees them.
func (g *Genesis) Set() (*validators.Set, error) {
	members := make([]validators.Validator, len(g.Validators))
	for i, v := range g.Validators {
		members[i] = validators.Validator{Node: v.NodeID, Key: v.PublicKey[:], Stake: v.Stake}
	}
	set, err := validators.New(members)
	if err != nil {
		return nil, fmt.Errorf("the validators can't form a network: %w", err)
	}
	return set, nil
}

// Number is the network's number in what is signed and for VMs, which know networks by number: the first four bytes of
// the genesis hash, big-endian.
func (g *Genesis) Number() uint32 {
	h := g.Hash()
	return binary.BigEndian.Uint32(h[:4])
}
