package devnet

import (
	"path/filepath"

	"github.com/reevenet/reeve/internal/disk"
	"github.com/reevenet/reeve/internal/home"
	"github.com/reevenet/reeve/internal/keys"
	"github.com/reevenet/reeve/internal/primitives"
	"github.com/reevenet/reeve/internal/signer"
)

// Names of the key files in a node's keys directory.
const (
	IdentityFile = "identity.key" // the network identity; the network bridge loads it
	SignerFile   = "signing.key"  // the validator's key; the keystore loads it
)

// CreateKeys makes a node's network identity, and its signing key with the log of what it signs. Neither may exist.
func CreateKeys(node home.Node) (primitives.NodeID, primitives.Hash, error) {
	identity, err := keys.New(disk.OS{}, filepath.Join(node.Keys(), IdentityFile), keys.Identity)
	if err != nil {
		return primitives.NodeID{}, primitives.Hash{}, err
	}
	public, err := signer.Create(Signer(node))
	if err != nil {
		return primitives.NodeID{}, primitives.Hash{}, err
	}
	return primitives.NodeID(identity.Public()), primitives.Hash(public), nil
}

// Signer says where a node's signing key and the log of what it signed are.
func Signer(node home.Node) signer.Config {
	return signer.Config{Disk: disk.OS{}, KeyFile: filepath.Join(node.Keys(), SignerFile), Dir: node.Data("keystore")}
}
