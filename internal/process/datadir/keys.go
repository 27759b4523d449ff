package datadir

import (
	"path/filepath"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/internal/store/disk"
)

// Names of the key files in a node's keys directory.
const (
	IdentityFile = "identity.key" // the network identity; the network bridge loads it
	SignerFile   = "signing.key"  // the validator's key; the keystore loads it
)

// CreateKeys makes a node's network identity, and its signing key with the log of what it signs. Neither may exist.
func CreateKeys(node Node) (primitives.NodeID, primitives.Hash, error) {
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
func Signer(node Node) signer.Config {
	return signer.Config{Disk: disk.OS{}, KeyFile: filepath.Join(node.Keys(), SignerFile), Dir: node.Data("keystore")}
}

// NodeID reads a node's identity from its key file; it is zero when there is none.
func NodeID(h Node) primitives.NodeID {
	d, err := keys.Show(disk.OS{}, filepath.Join(h.Keys(), IdentityFile))
	if err != nil {
		return primitives.NodeID{}
	}
	return primitives.NodeID(d.Public)
}
