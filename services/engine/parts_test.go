package engine

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// alone is one part of an engine under a test that plays everybody else.
type alone struct {
	*overseertest.Overseer
	sub    *subsystem.Sub
	inputs []snowman.Input // what the part has for the core
}

// partHandler stands in the engine's place and does nothing.
type partHandler struct{}

func (partHandler) Signal(*overseerv1.Signal)   {}
func (partHandler) Handle(m *subsystem.Message) { m.Unknown() }

func testAlone(t *testing.T) *alone {
	a := &alone{}
	spec := Spec(Config{})
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		a.sub = sub
		return partHandler{}, nil
	}
	a.Overseer = overseertest.Start(t, spec)
	return a
}

// do runs f as the handler would.
func (a *alone) do(f func()) {
	a.sub.Post(f)
	a.Step()
}

// untilAsked lets time go by until something is asked.
func (a *alone) untilAsked() overseertest.Sent {
	for {
		a.Advance(time.Millisecond)
		if s := a.Sent(); len(s) > 0 {
			return s[0]
		}
	}
}

func testDrops(a *alone) *drops { return &drops{sub: a.sub, count: map[string]int{}} }

func testSender(a *alone) *sender {
	return &sender{sub: a.sub, drops: testDrops(a), chain: partChain.ID}
}

func (a *alone) step(in snowman.Input) { a.inputs = append(a.inputs, in) }

// got is what the core was handed since the last time.
func (a *alone) got() []snowman.Input {
	in := a.inputs
	a.inputs = nil
	return in
}

var partChain = block.Chain{NetworkID: 5, ID: primitives.Hash{5}}

func partKey(i int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
}

func partNode(i int) primitives.NodeID { return primitives.NodeID{byte(i + 1)} }

func partSet(t *testing.T, size int) *validators.Set {
	t.Helper()
	var members []validators.Validator
	for i := range size {
		key := partKey(i).Public().(ed25519.PublicKey)
		members = append(members, validators.Validator{Node: partNode(i), Key: key, Stake: 1})
	}
	set, err := validators.New(members)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// partBlocks are so many blocks in a row, each around a text.
func partBlocks(t *testing.T, texts ...string) (blocks []*block.Block) {
	t.Helper()
	parent := primitives.Hash{7}
	for i, text := range texts {
		h := block.Header{Height: uint64(i + 1), Parent: parent}
		b, err := block.New(partChain, h, block.Body(nil, []byte(text)), make([]byte, ed25519.SignatureSize))
		if err != nil {
			t.Fatal(err)
		}
		blocks, parent = append(blocks, b), b.ID()
	}
	return blocks
}
