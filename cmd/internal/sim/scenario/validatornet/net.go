// Package validatornet is what all scenarios of networks of validators have in common: keys and a genesis, and the
// parts that every validator has, with their ports simulated: keystore, network bridge, engine and VM host. The disk
// and the network are those of package sim; a chain's database is memdb, and its VM a Go value, which can be crashed
// and asked. A signature is checked once in a run, whoever wants to know.
package validatornet

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Number is that of the simulated network.
const Number = 1

// Where the keystore and the engines keep their things.
const (
	keyFile = "/keys/signing.key"
	keyDir  = "/keystore"
	// EvidenceDir is followed by the name of the chain.
	EvidenceDir = "/evidence/"
)

// Net is the validators of one run.
type Net struct {
	World   *sim.World
	Genesis *genesis.Genesis
	Secrets map[primitives.NodeID]keys.Secret
	Set     *validators.Set
	Stakes  map[primitives.NodeID]uint64
	Parts   part.List // of a node
}

// Enlist makes the validators: a key and a stake for each. Nodes are numbered in the order of the set.
func (n *Net) Enlist(stakes []uint64) error {
	n.Secrets, n.Stakes = map[primitives.NodeID]keys.Secret{}, map[primitives.NodeID]uint64{}
	n.Genesis = &genesis.Genesis{Network: "sim"}
	var members []validators.Validator
	for i, stake := range stakes {
		id := primitives.NodeID(n.World.Key("identity", i))
		secret := keys.FromSeed(keys.Signing, n.World.Key("signing", i))
		public := secret.Public()
		n.Secrets[id], n.Stakes[id] = secret, stake
		members = append(members, validators.Validator{Node: id, Key: public[:], Stake: stake})
		n.Genesis.Validators = append(n.Genesis.Validators, genesis.Validator{
			Name: fmt.Sprintf("node-%d", i), NodeID: id, PublicKey: primitives.Hash(public), Stake: stake,
		})
	}
	var err error
	n.Set, err = validators.New(members)
	return err
}

// Found gives the network its chains.
func (n *Net) Found(chains ...genesis.Chain) error {
	n.Genesis.Chains = chains
	return n.Genesis.Check()
}

// AddNode adds the machine of the validator that has the next number in the set, with its key.
func (n *Net) AddNode() (*sim.Node, error) {
	id := n.Set.At(len(n.World.Nodes)).Node
	node := n.World.AddNode(id)
	setup := keystore.Config{Disk: node.Disk.Process(), KeyFile: keyFile, Dir: keyDir}
	if err := setup.Signer().Put(n.Secrets[id]); err != nil {
		return nil, fmt.Errorf("the key of node %d: %w", node.Index, err)
	}
	return node, nil
}

// Keystore is that of a node.
func (n *Net) Keystore(i *sim.Incarnation) subsystem.Spec {
	return keystore.Spec(keystore.Config{Disk: i.Disk(), KeyFile: keyFile, Dir: keyDir})
}

// Bridge is that of a node. It knows all the others from the beginning.
func (n *Net) Bridge(i *sim.Incarnation) subsystem.Spec {
	cfg := nb.Config{
		Transport: i.Transport(), NetworkID: n.Genesis.Hash(), Agent: "reeve/sim",
		Protocols: nb.Carried(n.Parts.Protocols()),
		Peers:     n.World.Others(i.Node), Validators: n.Stakes, NoPeerExchange: true,
		MaxPeers: max(200, 2*n.Set.Len()),
	}
	for _, c := range n.Genesis.Chains {
		cfg.Chains = append(cfg.Chains, c.Name)
	}
	return nb.Spec(cfg)
}

// Engine is what the engine of a node's chain is made from.
func (n *Net) Engine(i *sim.Incarnation, c genesis.Chain, params *snowball.Parameters, s *Signatures) engine.Config {
	return engine.Config{
		Chain: block.Chain{NetworkID: Number, ID: c.ID}, NodeID: i.Node.ID, Validators: n.Set, Parameters: params,
		Relay: c.Parachains, Disk: i.Disk(), Dir: EvidenceDir + c.Name,
		VerifyBlock: s.OfBlock, VerifyVote: s.OfVote,
	}
}

// unhurried keeps the VM host's deadlines, which are those of real time, out of a world in which a call takes none.
const unhurried = time.Hour
