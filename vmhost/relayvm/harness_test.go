package relayvm

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

var (
	ctx     = context.Background()
	chainID = vmsdk.IDOf([]byte("a relay chain"))
	alice   = key(201)
	bob     = key(202)
	rule    = key(203) // the authority
	collate = key(204)
	born    = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	oldCode = []byte("the code of the beginning")
)

func key(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)) }

func public(k ed25519.PrivateKey) primitives.Hash {
	return primitives.Hash(k.Public().(ed25519.PublicKey))
}

// genesisOf is a chain of so many validators, with paras 100 and 101.
func genesisOf(validators int, change func(*Genesis)) *Genesis {
	g := &Genesis{
		Time: born, Configuration: DefaultConfiguration(), Authority: public(rule),
		Accounts: map[primitives.Hash]uint64{public(alice): 1000, public(rule): 1000},
	}
	for i := range validators {
		k := public(key(byte(i + 1)))
		g.Validators = append(g.Validators, Validator{PublicKey: k, NodeID: primitives.NodeID(k), Stake: 1})
	}
	for _, id := range []uint32{100, 101} {
		g.Paras = append(g.Paras, GenesisPara{ID: id, Owner: public(alice), Head: []byte("head 0"), Code: oldCode})
	}
	g.Configuration.GroupRotationFrequency = 0
	if change != nil {
		change(g)
	}
	return g
}

// machine is a VM with a host as simple as it can be.
type machine struct {
	t      testing.TB
	vm     *VM
	db     database.Database
	last   *block
	blocks map[uint64]*vmsdk.AcceptedBlock
	now    time.Time
	due    []due
	events int
	web    http.Handler
}

type due struct {
	after time.Duration
	f     func()
}

func start(t testing.TB, genesis []byte) *machine {
	m := &machine{t: t, db: memdb.New().Open(), blocks: map[uint64]*vmsdk.AcceptedBlock{}, now: born}
	m.launch(genesis)
	return m
}

// launch begins a VM on what the database holds.
func (m *machine) launch(genesis []byte) {
	m.t.Helper()
	m.vm = &VM{}
	var batch database.Batch
	c := &vmsdk.Chain{
		Name: "relay", ID: chainID, Genesis: genesis, DB: m.db, Durable: m.db, Blocks: m, Sender: m,
		Notify: func(vmsdk.Event) { m.events++ }, Log: slog.New(slog.DiscardHandler),
		Now:   func() time.Time { return m.now },
		After: func(d time.Duration, f func()) func() { m.due = append(m.due, due{d, f}); return func() {} },
	}
	if m.last != nil {
		c.LastAccepted = m.blocks[m.last.Height()]
	}
	b, err := m.vm.Initialize(ctx, c, &batch)
	if err != nil {
		m.t.Fatal(err)
	}
	m.commit(b.(*block), &batch)
	handlers, err := m.vm.CreateHandlers(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	m.web = handlers[""]
}

func (m *machine) commit(b *block, batch *database.Batch) {
	m.t.Helper()
	if err := m.db.Write(ctx, batch, database.Sync); err != nil {
		m.t.Fatal(err)
	}
	m.last = b
	m.blocks[b.Height()] = &vmsdk.AcceptedBlock{ID: b.ID(), Height: b.Height(), Content: b.Bytes()}
}

func (m *machine) ByID(_ context.Context, id vmsdk.ID) (*vmsdk.AcceptedBlock, error) {
	for _, b := range m.blocks {
		if b.ID == id {
			return b, nil
		}
	}
	return nil, vmsdk.ErrNotFound
}

func (m *machine) AtHeight(_ context.Context, height uint64) (*vmsdk.AcceptedBlock, error) {
	if b := m.blocks[height]; b != nil {
		return b, nil
	}
	return nil, vmsdk.ErrNotFound
}

func (m *machine) SendAppGossip(context.Context, vmsdk.SendConfig, []byte) error        { return nil }
func (m *machine) SendAppRequest(context.Context, []vmsdk.NodeID, uint32, []byte) error { return nil }
func (m *machine) SendAppResponse(context.Context, vmsdk.NodeID, uint32, []byte) error  { return nil }
func (m *machine) SendAppError(context.Context, vmsdk.NodeID, uint32, *vmsdk.AppError) error {
	return nil
}

// consensus is the id of the consensus block around a block.
func consensus(b *block) vmsdk.ID {
	id := b.ID()
	return vmsdk.IDOf(append([]byte("consensus"), id[:]...))
}

// in is the context of the next block.
func (m *machine) in(inherent []byte) vmsdk.BuildContext {
	m.now = m.now.Add(time.Second)
	return vmsdk.BuildContext{Inherent: inherent, Time: m.now, Parent: consensus(m.last)}
}

func (m *machine) accept(b *block) {
	m.t.Helper()
	var batch database.Batch
	if err := b.Accept(ctx, &batch); err != nil {
		m.t.Fatal(err)
	}
	m.commit(b, &batch)
	m.vm.Committed(ctx, b)
}

// network is a VM that builds blocks, and another one that is shown them.
type network struct {
	*machine
	other   *machine
	nonces  map[string]uint64
	genesis []byte
}

func startNetwork(t testing.TB, validators int, change func(*Genesis)) *network {
	genesis, err := genesisOf(validators, change).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return &network{
		machine: start(t, genesis), other: start(t, genesis), nonces: map[string]uint64{}, genesis: genesis,
	}
}

func raw(t testing.TB, data *provisionerv1.InherentData) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// next makes a block of an inherent and what waits, and has both accept it.
func (n *network) next(data *provisionerv1.InherentData) *block {
	n.t.Helper()
	c := n.in(raw(n.t, data))
	b, err := n.vm.BuildBlock(ctx, n.last, c)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, m := range []*machine{n.machine, n.other} {
		own := b
		if m == n.other {
			if own, err = m.vm.ParseBlock(ctx, b.Bytes()); err != nil {
				n.t.Fatal(err)
			}
		}
		if err := own.Verify(ctx, m.last, c); err != nil {
			n.t.Fatal(err)
		}
		m.accept(own.(*block))
	}
	return n.last
}

// grow makes empty blocks.
func (n *network) grow(blocks int) {
	n.t.Helper()
	for range blocks {
		n.next(nil)
	}
}

// try is what the other one says of a block with this inherent, which nobody has looked at.
func (n *network) try(data *provisionerv1.InherentData) error {
	n.t.Helper()
	c := n.in(raw(n.t, data))
	_, err := n.vm.BuildBlock(ctx, n.last, c)
	return err
}

// does has an account do something in the next block, and returns why it could not.
func (n *network) does(who ed25519.PrivateKey, calls ...Call) string {
	n.t.Helper()
	var ids []vmsdk.ID
	for _, c := range calls {
		sender := string(who.Public().(ed25519.PublicKey))
		tx := NewTx(chainID, who, n.nonces[sender], c)
		n.nonces[sender]++
		if _, errs := n.vm.Submit(tx.Bytes()); errs[0] != nil {
			n.t.Fatal(errs[0])
		}
		ids = append(ids, tx.ID())
	}
	n.next(nil)
	var whys []string
	for _, id := range ids {
		v := n.rpc("transaction", map[string]any{"hash": id})
		if why, failed := v.(map[string]any)["failure"]; failed {
			whys = append(whys, why.(string))
		}
	}
	return strings.Join(whys, "; ")
}

// rpc is the result of a call that has one.
func (n *network) rpc(method string, params any) any {
	n.t.Helper()
	result, failure := n.call(method, params)
	if failure != nil {
		n.t.Fatalf("%s: %v", method, failure)
	}
	return result
}

func (n *network) call(method string, params any) (result any, failure map[string]any) {
	n.t.Helper()
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		n.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	n.web.ServeHTTP(w, httptest.NewRequest("POST", "/rpc", bytes.NewReader(body)))
	var out struct {
		Result any            `json:"result"`
		Error  map[string]any `json:"error"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		n.t.Fatalf("%s: %v in %s", method, err, w.Body)
	}
	return out.Result, out.Error
}

func contains(t testing.TB, what string, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v; it should say %q", what, err, words)
	}
}
