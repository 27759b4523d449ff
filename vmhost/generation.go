package vmhost

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database/remote"
	"github.com/reevenet/reeve/vmhost/launch"
)

// generation is one life of the plugin.
type generation struct {
	clients
	number   uint64
	plugin   launch.Plugin
	outcomes *outcomes
	db       *remote.Service
	about    *pluginv1.DescribeResponse
	handlers *pluginv1.CreateHandlersResponse

	// shown are the blocks whose bytes this plugin has; preferred is the preference it knows. On the loop only.
	shown     map[primitives.Hash]struct{}
	preferred primitives.Hash
	// lost are blocks that it refused, although its predecessor had verified them.
	lost []primitives.Hash
	// met are the peers that it was told of when it was started.
	met      map[primitives.NodeID]struct{}
	logLevel int32
	// misses are pings in a row that it hasn't answered.
	misses  int
	pinging bool
	// dead is set when the port has said so.
	dead bool
	// judging is set while it looks at a block, or after it has ended in the midst of that; dismissed, when an operator
	// has it replaced.
	judging, dismissed bool
	// blameless is set when it is replaced because of the disk.
	blameless bool
}

// knowledge is what a plugin must be told besides its chain: a copy, for use off the loop.
type knowledge struct {
	state      pluginv1.ChainState
	peers      []peer
	processing []*undecided
	logLevel   int32
}

type peer struct {
	node    primitives.NodeID
	version string
}

// intact looks for the sockets by which the plugin is reached. Something that cleans up may remove their files; what is
// connected then goes on, and whoever comes finds nothing.
func (g *generation) intact() error {
	for _, socket := range append(g.plugin.Sockets(), g.handlers.GetSocket()) {
		if _, err := os.Lstat(socket); socket != "" && errors.Is(err, fs.ErrNotExist) {
			return &socketGone{socket}
		}
	}
	return nil
}

type socketGone struct{ path string }

func (e *socketGone) Error() string { return "somebody has removed the plugin's socket " + e.path }

// stop ends the plugin in good order.
func (g *generation) stop(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, _ = g.vm.Shutdown(ctx, &pluginv1.ShutdownRequest{}) // it is ended in any case
	g.plugin.Stop(limit)
	g.outcomes.close()
	g.db.Close()
}
