package devnet

import (
	"path/filepath"

	"github.com/reevenet/reeve/internal/disk"
	"github.com/reevenet/reeve/internal/home"
	"github.com/reevenet/reeve/internal/keys"
	"github.com/reevenet/reeve/internal/primitives"
)

// SignerFile is the name of the signing key's file in a node's keys.
const SignerFile = "signing.key"

func createSigner(node home.Node) (primitives.Hash, error) {
	s, err := keys.New(disk.OS{}, filepath.Join(node.Keys(), SignerFile), keys.Signing)
	if err != nil {
		return primitives.Hash{}, err
	}
	return primitives.Hash(s.Public()), nil
}
