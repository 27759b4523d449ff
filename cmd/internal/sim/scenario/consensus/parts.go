package consensus

import (
	"context"
	"slices"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
)

// Where the keystore and the engines keep their things.
const (
	keyFile     = "/keys/signing.key"
	keyDir      = "/keystore"
	evidenceDir = "/evidence/"
)

func (net *network) keystore(i *sim.Incarnation) subsystem.Spec {
	return keystore.Spec(keystore.Config{Disk: i.Disk(), KeyFile: keyFile, Dir: keyDir})
}

func (net *network) bridge(i *sim.Incarnation) subsystem.Spec {
	return nb.Spec(nb.Config{
		Transport: i.Transport(), NetworkID: net.genesis.Hash(), Agent: "reeve/sim",
		Protocols: nb.Carried(net.parts.Protocols()), Chains: net.names,
		Peers: net.world.Others(i.Node), Validators: net.stakes, NoPeerExchange: true,
	})
}

// chainOf is the chain that a process serves.
func (net *network) chainOf(i *sim.Incarnation) *chain {
	at := slices.IndexFunc(net.chains, func(c *chain) bool { return c.genesis.Name == i.Chain() })
	return net.chains[at]
}

// vmLimits keep the host's deadlines, which are those of real time, out of a world in which a call takes none.
var vmLimits = vmhost.Limits{Start: time.Hour, BlockCall: time.Hour, AppCall: time.Hour, CrashLoop: crashLoop}

// crashLoop is how many deaths of a plugin make its host give up.
const crashLoop = 5

func (net *network) vmHost(i *sim.Incarnation) subsystem.Spec {
	r := net.chainOf(i).replicas[i.Node.Index]
	r.host, r.plugin = &launcher{replica: r, process: i}, nil
	chain := r.chain.genesis
	return vmhost.Spec(vmhost.Config{
		NetworkID: networkNumber, Chain: chain.Name, ChainID: chain.ID, NodeID: i.Node.ID,
		Genesis: func() ([]byte, error) { return chain.Genesis, nil },
		OpenDB: func() (database.Database, error) {
			db := &watched{Database: r.db.Open(), replica: r}
			i.OnEnd(func(bool) { _ = db.Close() }) // a handle in memory
			return db, nil
		},
		Launcher: r.host,
		Limits:   vmLimits,
	})
}

func (net *network) engine(i *sim.Incarnation) subsystem.Spec {
	c := net.chainOf(i)
	return engine.Spec(engine.Config{
		Chain: c.id, NodeID: i.Node.ID, Validators: net.set,
		Parameters: &net.params, Disk: i.Disk(),
		Dir:   evidenceDir + c.genesis.Name,
		Flaws: net.flaws, VerifyBlock: c.signatures.ofBlock, VerifyVote: c.signatures.ofVote,
	})
}

// watched is the chain's database: what becomes durable in it is what the node has accepted.
type watched struct {
	database.Database
	replica *replica
}

func (w *watched) Write(ctx context.Context, b *database.Batch, d database.Durability) error {
	err := w.Database.Write(ctx, b, d)
	if err == nil && d == database.Sync {
		w.replica.committed(w.Database)
	}
	return err
}
