package genesis

import (
	"fmt"
	"path/filepath"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/store/disk"
)

// MaxInline is how long, in bytes, a chain's genesis is at most that Split leaves where it is. Every process of a node
// reads genesis.json; one only needs the VM's part of it, and parachains' code makes that megabytes.
const MaxInline = 16 << 10

// ContentFile is the name of the file beside genesis.json that holds the chain's genesis if it isn't inline.
func (c Chain) ContentFile() string { return "genesis-" + c.Name + ".bin" }

// Content is what the chain's VM gets, read from dir where it isn't inline. An error: the file is missing or another
// one than the network has agreed on.
func (c Chain) Content(dir string) ([]byte, error) {
	if c.GenesisHash.IsZero() {
		return c.Genesis, nil
	}
	path := filepath.Join(dir, c.ContentFile())
	content, err := disk.ReadFile(disk.OS{}, path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("the genesis of chain %s can't be read: %w", c.Name, err)
	}
	if got := primitives.HashOf(content); got != c.GenesisHash {
		return nil, fmt.Errorf("%s has the hash %s and not %s: it isn't the genesis of chain %s of this network", path,
			got.Short(), c.GenesisHash.Short(), c.Name)
	}
	return content, nil
}

// Split takes out of g what belongs into files beside it, by their names.
func (g *Genesis) Split() map[string][]byte {
	files := map[string][]byte{}
	for i := range g.Chains {
		if c := &g.Chains[i]; len(c.Genesis) > MaxInline {
			files[c.ContentFile()] = c.Genesis
			c.Genesis, c.GenesisHash = nil, primitives.HashOf(c.Genesis)
		}
	}
	return files
}
