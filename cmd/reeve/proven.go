package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proof"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
)

// proven is what a proof of a block says, once it has been checked.
type proven struct {
	File       string          `json:"file"`
	Network    string          `json:"network"`
	Chain      string          `json:"chain"`
	ChainID    primitives.Hash `json:"chainId"`
	Height     uint64          `json:"height"`
	Block      primitives.Hash `json:"block"`
	Parent     primitives.Hash `json:"parent"`
	Body       primitives.Hash `json:"bodyHash"` // SHA-256 of the block's body
	Time       time.Time       `json:"time"`
	Round      uint32          `json:"round"`
	Stake      uint64          `json:"stake"` // of those who signed
	Quorum     uint64          `json:"quorum"`
	TotalStake uint64          `json:"totalStake"`
	Signed     []member        `json:"signed"`
}

// member is a validator as people know it.
type member struct {
	Name   string            `json:"name"`
	NodeID primitives.NodeID `json:"nodeId"`
	Stake  uint64            `json:"stake"`
}

func (p *proven) rows(t *table) {
	names := make([]string, len(p.Signed))
	for i, s := range p.Signed {
		names[i] = s.Name
	}
	t.row("file", p.File)
	t.row("network", p.Network)
	t.row("chain", p.Chain)
	t.row("height", p.Height)
	t.row("block", p.Block)
	t.row("parent", p.Parent)
	t.row("body's hash", p.Body)
	t.row("time", p.Time.Format(time.RFC3339))
	t.row("round", p.Round)
	t.row("stake", fmt.Sprintf("%d of %d signed, %d are a quorum", p.Stake, p.TotalStake, p.Quorum))
	t.row("signed by", strings.Join(names, ", "))
}

// prove checks a proof with the validators of a genesis file. The chain's name or id may be empty: any of its chains.
func prove(from, chain string, file []byte) (*proven, error) {
	g, err := loadGenesis(from)
	if err != nil {
		return nil, err
	}
	p, err := proof.Decode(file)
	if err != nil {
		return nil, err
	}
	c, err := chainOf(g, chain, p.Header.Payload.NetworkID, p.Header.Payload.ChainID)
	if err != nil {
		return nil, err
	}
	set, err := g.Set()
	if err != nil {
		return nil, err
	}
	if err := p.Verify(block.Chain{NetworkID: g.Number(), ID: c.ID}, set); err != nil {
		return nil, err
	}
	return summary(g, c, set, p), nil
}

func summary(g *genesis.Genesis, c genesis.Chain, set *validators.Set, p *proof.Proof) *proven {
	h := p.Header.Payload
	said := &proven{
		Network: g.Network, Chain: c.Name, ChainID: c.ID, Height: h.Height, Block: p.Header.ID(), Parent: h.ParentID,
		Body: h.BodyHash, Time: time.UnixMilli(int64(h.Time)).UTC(), Round: p.Certificate.Round,
		Quorum: finality.Quorum(set.TotalStake()), TotalStake: set.TotalStake(),
	}
	for _, v := range p.Certificate.Votes {
		m := memberOf(g, set, v.Validator)
		said.Signed, said.Stake = append(said.Signed, m), said.Stake+m.Stake
	}
	return said
}

// memberOf is the validator with that index of the set.
func memberOf(g *genesis.Genesis, set *validators.Set, i int) member {
	node := set.Node(i)
	v, _ := g.Validator(node) // the set is the genesis's
	return member{Name: v.Name, NodeID: node, Stake: v.Stake}
}

// chainOf is the chain of the genesis that something signed is about, which must be the one that is wanted.
func chainOf(g *genesis.Genesis, wanted string, network uint32, id primitives.Hash) (genesis.Chain, error) {
	if network != g.Number() {
		return genesis.Chain{}, fmt.Errorf("it is about network %08x, and the genesis is that of %s, %08x",
			network, g.Network, g.Number())
	}
	c, ok := g.Chain(id.String())
	if !ok {
		return c, fmt.Errorf("it is about chain %s, and %s has no such chain", id.Short(), g.Network)
	}
	if wanted == "" || wanted == c.Name || wanted == c.ID.String() {
		return c, nil
	}
	if _, ok := g.Chain(wanted); !ok {
		return c, errcode.New(errcode.ChainNotFound, "", nil, "the genesis of %s has no chain %s", g.Network, wanted)
	}
	return c, fmt.Errorf("it is about chain %s, not %s", c.Name, wanted)
}

// loadGenesis reads a genesis file that a person names.
func loadGenesis(path string) (*genesis.Genesis, error) {
	g, err := genesis.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errcode.New(errcode.GenesisInvalid, "Name the network's file with --genesis.", nil,
			"there is no %s", path)
	}
	if err != nil {
		return nil, errcode.New(errcode.GenesisInvalid, "Get it from somebody who runs a node of the network.", err,
			"it can't be checked against %s", path)
	}
	return g, nil
}
