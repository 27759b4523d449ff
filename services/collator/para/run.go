package para

import (
	"context"
	"fmt"
	"os"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// The environment that Main reads.
const (
	// EnvDataDir is the directory of the network that a node on this machine belongs to; empty: .reeve.
	EnvDataDir = "REEVE_DATA_DIR"
	// EnvNode is the node's name; empty: the first one.
	EnvNode = "REEVE_NODE"
	envBus  = "REEVE_BUS"
)

// Main runs a block producer of the para as a whole process until ctx ends, and returns the exit code. It attaches to
// the node on this machine that EnvDataDir and EnvNode name; where REEVE_BUS is set, to the overseer there, as
// subsystem.Main does.
func Main(ctx context.Context, id uint32, chain Chain) int {
	if os.Getenv(envBus) != "" {
		return subsystem.Main(ctx, Spec(id, chain))
	}
	dir := os.Getenv(EnvDataDir)
	if dir == "" {
		dir = ".reeve"
	}
	opt, err := At(dir, os.Getenv(EnvNode))
	if err == nil {
		err = subsystem.Run(ctx, Spec(id, chain), opt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return int(errcode.Of(err))
	}
	return int(errcode.OK)
}

// At is how to attach to a node on this machine: that of a name in a network's directory, or its first one.
func At(dataDir, node string) (opt subsystem.Options, err error) {
	network, err := datadir.Open(dataDir)
	if err != nil {
		return opt, err
	}
	nodes, err := network.Nodes()
	if err != nil {
		return opt, err
	}
	for _, n := range nodes {
		if node == "" || n.Name == node {
			opt.Token, err = datadir.Token(n, Role)
			opt.Address, opt.Blobs = "unix:"+n.Socket(datadir.BusSocket), n.Data("blobs")
			return opt, err
		}
	}
	if len(nodes) > 0 {
		return opt, errcode.New(errcode.NoSuchNode, "", nil, "%s holds no node %s", network.Dir, node)
	}
	return opt, errcode.New(errcode.DataDirMissing,
		"Start a network (`reeve devnet up`), or name its directory: "+EnvDataDir+".", nil,
		"%s holds no node", network.Dir)
}
