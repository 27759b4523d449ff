package datadir

import (
	"bytes"
	"errors"
	"os"
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

	publicFile = "identity.pub" // the id, for processes that don't have the key
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

// NodeID reads a node's identity from its key file, or from the file that stands for it; it is zero when there is
// neither.
func NodeID(h Node) (id primitives.NodeID) {
	d, err := keys.Show(disk.OS{}, filepath.Join(h.Keys(), IdentityFile))
	if err == nil {
		return primitives.NodeID(d.Public)
	}
	text, err := disk.ReadFile(disk.OS{}, filepath.Join(h.Keys(), publicFile), maxToken)
	if err != nil || id.UnmarshalText(bytes.TrimSpace(text)) != nil {
		return primitives.NodeID{}
	}
	return id
}

// WritePublic says in to who a node is, without its key.
func WritePublic(id primitives.NodeID, to Node) error {
	return disk.Replace(disk.OS{}, filepath.Join(to.Keys(), publicFile), []byte(id.String()+"\n"), 0o644)
}

// CopyIdentity gives another directory of the same node its network identity.
func CopyIdentity(from, to Node) error {
	secret, err := keys.Load(disk.OS{}, filepath.Join(from.Keys(), IdentityFile), keys.Identity)
	if err != nil {
		return err
	}
	return keys.Save(disk.OS{}, filepath.Join(to.Keys(), IdentityFile), secret)
}

// CopySigner gives another directory of the same node its signing key, with a log in which nothing is signed. The node
// must not have run.
func CopySigner(from, to Node) error {
	secret, err := keys.Load(disk.OS{}, filepath.Join(from.Keys(), SignerFile), keys.Signing)
	if err != nil {
		return err
	}
	return Signer(to).Put(secret)
}

// CopyToken gives another directory of the same node the secret of a role.
func CopyToken(from, to Node, name string) error {
	token, err := Token(from, name)
	if err != nil {
		return err
	}
	return writeToken(tokenFile(to, name), string(token))
}

// RemoveSecrets removes what nobody needs in a directory of a node whose processes have directories of their own: its
// keys, and the log of what was signed. The tokens stay.
func RemoveSecrets(h Node) error {
	return errors.Join(
		os.RemoveAll(filepath.Join(h.Keys(), SignerFile)), os.RemoveAll(filepath.Join(h.Keys(), IdentityFile)),
		os.RemoveAll(h.Data("keystore")))
}
