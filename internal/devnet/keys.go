package devnet

import (
	"path/filepath"

	"github.com/reevenet/reeve/internal/disk"
	"github.com/reevenet/reeve/internal/home"
	"github.com/reevenet/reeve/internal/keys"
	"github.com/reevenet/reeve/internal/primitives"
)

// Names of the key files in a node's keys directory.
const (
	IdentityFile = "identity.key" // the network identity; the network bridge loads it
	SignerFile   = "signing.key"  // the validator's key; the keystore loads it
)

// CreateKeys makes a node's network identity and its signing key, neither of which may exist.
func CreateKeys(node home.Node) (primitives.NodeID, primitives.Hash, error) {
	identity, err := keys.New(disk.OS{}, filepath.Join(node.Keys(), IdentityFile), keys.Identity)
	if err != nil {
		return primitives.NodeID{}, primitives.Hash{}, err
	}
	signer, err := keys.New(disk.OS{}, filepath.Join(node.Keys(), SignerFile), keys.Signing)
	if err != nil {
		return primitives.NodeID{}, primitives.Hash{}, err
	}
	return primitives.NodeID(identity.Public()), primitives.Hash(signer.Public()), nil
}
