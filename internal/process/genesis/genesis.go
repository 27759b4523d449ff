// Package genesis holds what all nodes of a network agree on before the first block: the network's name, its validators
// with their keys and stakes, and its chains with the VM that runs each. It reads and checks the file, and hashes it.
// It never guesses: an unknown field, a second validator with the same key or a stake of zero is an error that names
// it.
package genesis

import (
	"encoding/json"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Genesis is the content of genesis.json.
type Genesis struct {
	Network    string      `json:"network"`
	Validators []Validator `json:"validators"`
	Chains     []Chain     `json:"chains"`
	// Consensus overrides the parameters that follow from the number of validators. Most networks leave it out.
	Consensus *Consensus `json:"consensus,omitempty"`
}

// Validator is one member of the validator set.
type Validator struct {
	Name      string            `json:"name"`
	NodeID    primitives.NodeID `json:"nodeId"`    // the network identity, proved in every handshake
	PublicKey primitives.Hash   `json:"publicKey"` // the ed25519 key that signs blocks; held by the keystore alone
	Stake     uint64            `json:"stake"`
	Address   string            `json:"address,omitempty"` // where others dial it, as a multiaddr
}

// Chain is one chain of the network.
type Chain struct {
	ID      primitives.Hash `json:"id"`
	Name    string          `json:"name"`              // its alias in URLs: /ext/bc/<name>
	VM      string          `json:"vm"`                // name of the plugin's file
	Genesis []byte          `json:"genesis,omitempty"` // handed to the VM byte for byte; base64 in the file
	// GenesisHash stands in place of Genesis where that is long: only the VM's host reads the file beside this one that
	// holds it (Content).
	GenesisHash primitives.Hash `json:"genesisHash,omitzero"`
	// Parachains says that its VM has the parachain runtime: it is the relay chain, which the parachain host serves.
	Parachains bool `json:"parachains,omitempty"`
}

// Consensus holds Snowman parameters; zero fields mean the default for the size of the validator set.
type Consensus struct {
	K               uint32 `json:"k,omitempty"`
	AlphaPreference uint32 `json:"alphaPreference,omitempty"`
	AlphaConfidence uint32 `json:"alphaConfidence,omitempty"`
	Beta            uint32 `json:"beta,omitempty"`
}

// ChainID derives the id of a chain from the network's and the chain's name, so that messages of two networks can't be
// mixed up.
func ChainID(network, name string) primitives.Hash {
	return primitives.HashOf([]byte("reeve chain\x00" + network + "\x00" + name))
}

// Hash identifies the genesis. It covers the meaning and not the white space of the file.
func (g *Genesis) Hash() primitives.Hash {
	text, err := json.Marshal(g)
	if err != nil {
		panic(fmt.Sprintf("genesis: plain data doesn't marshal: %v", err))
	}
	return primitives.HashOf(text)
}

// TotalStake is the sum of all stakes. Check has made sure that it doesn't overflow.
func (g *Genesis) TotalStake() (total uint64) {
	for _, v := range g.Validators {
		total += v.Stake
	}
	return total
}

// RelayChain is the chain that the parachain host serves; false: the network has none, and its nodes no such host.
func (g *Genesis) RelayChain() (Chain, bool) {
	for _, c := range g.Chains {
		if c.Parachains {
			return c, true
		}
	}
	return Chain{}, false
}

// Chain returns the chain with that name or id.
func (g *Genesis) Chain(nameOrID string) (Chain, bool) {
	for _, c := range g.Chains {
		if c.Name == nameOrID || c.ID.String() == nameOrID {
			return c, true
		}
	}
	return Chain{}, false
}

// Validator returns the validator with that node id. A node that isn't in the genesis follows the chains without a
// vote.
func (g *Genesis) Validator(id primitives.NodeID) (Validator, bool) {
	for _, v := range g.Validators {
		if v.NodeID == id {
			return v, true
		}
	}
	return Validator{}, false
}
