package relayvm

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Genesis is the chain's genesis, as JSON.
type Genesis struct {
	// Time is the genesis block's.
	Time          time.Time     `json:"time"`
	Configuration Configuration `json:"configuration"`
	// Validators are those of the first session.
	Validators []Validator `json:"validators"`
	// Authority is the public key that may change configuration and validators; absent: nobody may.
	Authority primitives.Hash `json:"authority,omitzero"`
	// Accounts are balances by public key.
	Accounts map[primitives.Hash]uint64 `json:"accounts,omitempty"`
	// Codes are validation codes that paras refer to by hash.
	Codes [][]byte      `json:"codes,omitempty"`
	Paras []GenesisPara `json:"paras,omitempty"`
}

// GenesisPara is a para that is there from the beginning. Its code is given in place or, if Codes has it, by its hash.
type GenesisPara struct {
	ID    uint32          `json:"id"`
	Kind  Kind            `json:"kind,omitempty"` // absent: a parachain
	Owner primitives.Hash `json:"owner,omitzero"` // absent: the authority
	Head  HexBytes        `json:"head"`
	Code  []byte          `json:"code,omitempty"`
	// CodeHash is that of the code; absent: Code is there.
	CodeHash primitives.Hash `json:"codeHash,omitzero"`
}

// Encode is the genesis as the VM reads it. The error says what is wrong in it.
func (g *Genesis) Encode() ([]byte, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	return json.Marshal(g)
}

func (p *GenesisPara) kind() Kind {
	if p.Kind == "" {
		return Parachain
	}
	return p.Kind
}

// codes are all that the genesis has.
func (g *Genesis) codes() [][]byte {
	all := slices.Clone(g.Codes)
	for _, p := range g.Paras {
		if len(p.Code) > 0 {
			all = append(all, p.Code)
		}
	}
	return all
}
