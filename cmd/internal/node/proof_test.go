package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proof"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// certified is block 5 of a chain as a host keeps it.
func certified(t *testing.T, c block.Chain) (*block.Block, *vmv1.AcceptedBlock) {
	t.Helper()
	unsigned := make([]byte, ed25519.SignatureSize)
	b, err := block.New(c, block.Header{Height: 5}, block.Body(nil, []byte("content")), unsigned)
	if err != nil {
		t.Fatal(err)
	}
	id := b.ID()
	certificate := &finality.Proof{Phase: finality.Commit, Block: id, Votes: []finality.Signature{{Validator: 0}}}
	return b, &vmv1.AcceptedBlock{
		BlockId: id[:], VmBlockId: id[:], Height: 5, ConsensusBlock: b.Bytes(), Certificate: certificate.Encode(5),
	}
}

// record stands in for the VM's host: it has a genesis block and one more.
type record struct{ genesis, block *vmv1.AcceptedBlock }

func (record) Signal(*overseerv1.Signal) {}

func (r record) Handle(m *subsystem.Message) {
	missing := &pluginv1.Error{Kind: &pluginv1.Error_NotFound{NotFound: &pluginv1.NotFound{}}}
	switch q := m.Body.(type) {
	case *vmv1.GetBlockIDAtHeight:
		switch q.GetHeight() {
		case 0:
			m.Reply(&vmv1.GetBlockIDAtHeightResponse{Block: r.genesis})
		case r.block.GetHeight(): // without the consensus block
			names := &vmv1.AcceptedBlock{BlockId: r.block.GetBlockId(), Height: q.GetHeight()}
			m.Reply(&vmv1.GetBlockIDAtHeightResponse{Block: names})
		default:
			m.Reply(&vmv1.GetBlockIDAtHeightResponse{Error: missing})
		}
	case *vmv1.GetConsensusBlock:
		if string(q.GetBlockId()) == string(r.block.GetBlockId()) {
			m.Reply(&vmv1.GetConsensusBlockResponse{Block: r.block})
			return
		}
		m.Reply(&vmv1.GetConsensusBlockResponse{Error: missing})
	default:
		m.Unknown()
	}
}

func TestAProofIsAskedForAtTheDoorForClients(t *testing.T) {
	n := newNode(t)
	c := block.Chain{NetworkID: n.NetworkNumber(), ID: n.Genesis.Chains[0].ID}
	b, kept := certified(t, c)
	first := &vmv1.AcceptedBlock{BlockId: c.ID[:], VmBlockId: c.ID[:]}
	run(t, n.Overseer)
	run(t, func(ctx context.Context) error { return n.attach(ctx, t, "vm", record{first, kept}) })

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ask := func(at string) ([]byte, error) { return devnet.Proof(ctx, n.Config.HTTP.Listen, "kv", at) }
	file := answered(ctx, t, func() ([]byte, error) { return ask("5") })
	if p, err := proof.Decode(file); err != nil || p.Header != b.Sealed(c) {
		t.Errorf("%+v, %v", p, err)
	}
	if same, err := ask(b.ID().String()); err != nil || string(same) != string(file) {
		t.Errorf("by id: %x, %v", same, err)
	}
	for _, at := range []string{"6", "nonsense", strings.Repeat("f", 64)} {
		if _, err := ask(at); !errors.Is(err, gateway.ErrNoBlock) {
			t.Errorf("block %s: %v", at, err)
		}
	}
	if _, err := ask("0"); !errors.Is(err, gateway.ErrNoProof) || !strings.Contains(err.Error(), "genesis") {
		t.Errorf("the genesis block: %v", err)
	}
}

// attach runs a stand-in for a part of the one chain.
func (n *Node) attach(ctx context.Context, t *testing.T, part string, h subsystem.Handler) error {
	i := instance(t, n, part)
	token, err := datadir.Token(n.Home, i.Spec.Name)
	if err != nil {
		return err
	}
	spec := i.Spec
	spec.New = func(*subsystem.Sub) (subsystem.Handler, error) { return h, nil }
	return subsystem.Run(ctx, spec, subsystem.Options{Address: n.Bus(), Token: token, Chain: i.Chain, Log: n.Log})
}

func TestWhatTheHostKeepsMakesAProof(t *testing.T) {
	c := block.Chain{NetworkID: 7, ID: primitives.Hash{'c'}}
	b, kept := certified(t, c)
	certificate := &finality.Proof{Phase: finality.Commit, Block: b.ID()}
	file, err := proofOf(c, kept)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := proof.Decode(file); err != nil || p.Header.ID() != b.ID() || len(p.Certificate.Votes) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := proofOf(c, &vmv1.AcceptedBlock{ConsensusBlock: b.Bytes()}); !errors.Is(err, gateway.ErrNoProof) {
		t.Errorf("without a certificate: %v", err)
	}
	for what, other := range map[string]*vmv1.AcceptedBlock{
		"another height": {ConsensusBlock: b.Bytes(), Certificate: certificate.Encode(6)},
		"no block":       {Certificate: certificate.Encode(5)},
		"damaged":        {ConsensusBlock: b.Bytes(), Certificate: []byte("damaged")},
		"another block":  {ConsensusBlock: b.Bytes(), Certificate: (&finality.Proof{Phase: finality.Commit}).Encode(5)},
	} {
		if _, err := proofOf(c, other); err == nil {
			t.Errorf("%s: it is a proof", what)
		}
	}
}

// answered asks over HTTP until the subsystems that it takes are attached. Nobody tells a client of that.
func answered[T any](ctx context.Context, t *testing.T, ask func() (T, error)) T {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		a, err := ask()
		if err == nil {
			return a
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}
