package datadir

import (
	"errors"
	"io/fs"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
)

// LoadGenesis reads a genesis and says what to do when that fails.
func LoadGenesis(path string) (*genesis.Genesis, error) {
	g, err := genesis.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errcode.New(errcode.DataDirMissing,
			"Start a network with `reeve devnet up`, or name its directory with --data-dir.", nil,
			"there is no network: %s doesn't exist", path)
	}
	if err != nil {
		return nil, errcode.New(errcode.GenesisInvalid, "Restore the file that the other nodes have.", err,
			"the genesis can't be used")
	}
	return g, nil
}
