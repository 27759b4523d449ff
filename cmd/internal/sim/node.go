package sim

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/kvvm"
)

// node is one validator: an overseer, a process per subsystem, and the disks that outlive them.
type node struct {
	net       *network
	index     int
	id        primitives.NodeID
	rng       *rand.Rand // of its machine: what is fast and slow today
	log       *slog.Logger
	bus       bus
	processes []*process

	disk *simdisk.Disk // the keystore's
	db   *memdb.DB     // the chain's
	off  bool          // the machine is down

	vm    *kvvm.VM // the running plugin; nil while there is none
	crash func()   // ends the plugin
	chain chainState
	liar  bool
}

// Where the keystore keeps its things.
const (
	keyFile = "/keys/signing.key"
	keyDir  = "/keystore"
)

func newNode(net *network, index int, id primitives.NodeID, secret keys.Secret) (*node, error) {
	n := &node{
		net: net, index: index, id: id, rng: virtual.RNG(net.seed, "machine", index), log: net.logger(index),
		disk: simdisk.New(virtual.RNG(net.seed, "disk", index).Uint64()), db: memdb.New(),
	}
	setup := keystore.Config{Disk: n.disk.Process(), KeyFile: keyFile, Dir: keyDir}
	if err := setup.Signer().Put(secret); err != nil {
		return nil, fmt.Errorf("the key of node %d: %w", index, err)
	}
	n.bus = newBus(n)
	for _, p := range parts() {
		n.processes = append(n.processes, &process{node: n, name: p.name, build: p.build})
	}
	return n, nil
}

// specs are the declarations that the overseer knows, without ports.
func (n *node) specs() []subsystem.Spec {
	var list []subsystem.Spec
	for _, p := range parts() {
		list = append(list, p.declared)
	}
	return list
}

// boot starts everything.
func (n *node) boot() {
	n.off = false
	n.bus.start()
	for _, p := range n.processes {
		p.start()
	}
}

// powerCut takes the machine down: only what was synced is left.
func (n *node) powerCut(off time.Duration) {
	if n.off {
		return
	}
	n.off = true
	n.bus.crash()
	for _, p := range n.processes {
		if i := p.running; i != nil {
			i.end(true)
		}
	}
	n.disk.Crash()
	n.db.Crash()
	n.net.clock.After(off, n.boot)
}

// running returns the process that runs a subsystem, nil while it is down.
func (n *node) running(name string) *incarnation {
	for _, p := range n.processes {
		if p.name == name {
			return p.running
		}
	}
	return nil
}
