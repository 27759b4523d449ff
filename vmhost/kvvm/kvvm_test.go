package kvvm_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/bus/httpproxy"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

var (
	ctx   = context.Background()
	chain = vmsdk.IDOf([]byte("a chain"))
	alice = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	bob   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
)

// node is kvvm with a host as simple as it can be.
type node struct {
	t      testing.TB
	vm     *kvvm.VM
	db     database.Database
	last   vmsdk.Block
	web    http.Handler
	now    time.Time
	unread error // what users' reads fail with
	// sent are gossip messages; due are timers.
	sent [][]byte
	due  []func()
}

func start(t testing.TB, genesis string) *node {
	n := &node{t: t, vm: &kvvm.VM{}, db: memdb.New().Open(), now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	var batch database.Batch
	b, err := n.vm.Initialize(ctx, &vmsdk.Chain{
		Name: "kv", ID: chain, Genesis: []byte(genesis), DB: n.db, Durable: &failing{n.db, n},
		Sender: n, Notify: func(vmsdk.Event) {},
		Now:   func() time.Time { return n.now },
		After: func(_ time.Duration, f func()) func() { n.due = append(n.due, f); return func() {} },
	}, &batch)
	if err != nil {
		t.Fatal(err)
	}
	n.write(&batch)
	n.last = b
	handlers, err := n.vm.CreateHandlers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n.web = handlers[""]
	return n
}

func (n *node) write(b *database.Batch) {
	n.t.Helper()
	if err := n.db.Write(ctx, b, database.Sync); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) SendAppGossip(_ context.Context, _ vmsdk.SendConfig, gossip []byte) error {
	n.sent = append(n.sent, gossip)
	return nil
}

func (n *node) SendAppRequest(context.Context, []vmsdk.NodeID, uint32, []byte) error { return nil }

func (n *node) SendAppResponse(context.Context, vmsdk.NodeID, uint32, []byte) error { return nil }

func (n *node) SendAppError(context.Context, vmsdk.NodeID, uint32, *vmsdk.AppError) error { return nil }

// fire runs the timers that are due.
func (n *node) fire() {
	due := n.due
	n.due = nil
	for _, f := range due {
		f()
	}
}

func (n *node) build() vmsdk.Block {
	n.t.Helper()
	n.now = n.now.Add(time.Second)
	b, err := n.vm.BuildBlock(ctx, n.last, vmsdk.BuildContext{Time: n.now})
	if err != nil {
		n.t.Fatal(err)
	}
	return b
}

func (n *node) accept(b vmsdk.Block) {
	n.t.Helper()
	if err := b.Verify(ctx, n.last, vmsdk.BuildContext{}); err != nil {
		n.t.Fatal(err)
	}
	var batch database.Batch
	if err := b.Accept(ctx, &batch); err != nil {
		n.t.Fatal(err)
	}
	n.write(&batch)
	n.vm.Committed(ctx, b)
	n.last = b
}

// parse parses another node's block.
func (n *node) parse(b vmsdk.Block) vmsdk.Block {
	n.t.Helper()
	own, err := n.vm.ParseBlock(ctx, b.Bytes())
	if err != nil {
		n.t.Fatal(err)
	}
	return own
}

func (n *node) do(method, path string, body []byte) (int, string) {
	w := httptest.NewRecorder()
	n.web.ServeHTTP(w, httptest.NewRequest(method, path, bytes.NewReader(body)))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func (n *node) get(path string) map[string]any {
	n.t.Helper()
	code, body := n.do("GET", path, nil)
	var out map[string]any
	if err := json.Unmarshal([]byte(body), &out); err != nil || code != 200 {
		n.t.Fatalf("GET %s: %d %s", path, code, body)
	}
	return out
}

func put(key ed25519.PrivateKey, nonce uint64, k, v string) *kvvm.Tx {
	return kvvm.NewTx(chain, key, nonce, kvvm.Put, []byte(k), []byte(v))
}

func TestAKeyIsSetReadAndDeleted(t *testing.T) {
	n := start(t, "")
	tx := put(alice, 0, "greeting", "hello")
	if code, body := n.do("POST", "/tx", tx.Bytes()); code != 200 || !strings.Contains(body, tx.ID().String()) {
		t.Fatalf("POST /tx: %d %s", code, body)
	}
	if got := n.get("/tx/" + tx.ID().String())["status"]; got != "pending" {
		t.Errorf("before a block the transaction is %v", got)
	}
	n.accept(n.build())
	if got := n.get("/key/greeting"); got["value"] != "hello" || got["height"] != 1.0 {
		t.Errorf("GET /key: %v", got)
	}
	if got := n.get("/tx/" + tx.ID().String()); got["status"] != "accepted" || got["height"] != 1.0 {
		t.Errorf("GET /tx: %v", got)
	}
	n.do("POST", "/tx", kvvm.NewTx(chain, alice, 1, kvvm.Delete, []byte("greeting"), nil).Bytes())
	n.accept(n.build())
	if code, _ := n.do("GET", "/key/greeting", nil); code != 404 {
		t.Errorf("a deleted key: %d", code)
	}
}

func TestTheStateRootIsThatOfTheState(t *testing.T) {
	genesis := `{"state": {"a": "1", "b": "2"}}`
	one, two := start(t, genesis), start(t, `{"state": {"b": "2", "a": "1"}}`)
	if one.last.ID() != two.last.ID() {
		t.Fatal("the order in the genesis file matters")
	}
	// The same state is reached in one block and in two.
	txs := []*kvvm.Tx{put(alice, 0, "a", "x"), put(bob, 0, "c", "y"), put(alice, 1, "a", "z")}
	for _, tx := range txs {
		one.do("POST", "/tx", tx.Bytes())
	}
	one.accept(one.build())
	two.do("POST", "/tx", txs[1].Bytes())
	two.accept(two.build())
	two.do("POST", "/tx", txs[0].Bytes())
	two.do("POST", "/tx", txs[2].Bytes())
	two.accept(two.build())
	if a, b := one.get("/head")["stateRoot"], two.get("/head")["stateRoot"]; a != b {
		t.Errorf("the same state has roots %v and %v", a, b)
	}
}

func TestOtherNodesAgreeWithTheBuilder(t *testing.T) {
	builder, other := start(t, ""), start(t, "")
	for i := range uint64(3) {
		builder.do("POST", "/tx", put(alice, i, "k", fmt.Sprint(i)).Bytes())
		b := builder.build()
		own := other.parse(b)
		if own.ID() != b.ID() {
			t.Fatal("a block has two ids")
		}
		builder.accept(b)
		other.accept(own)
	}
	if d := cmp.Diff(builder.get("/head")["stateRoot"], other.get("/head")["stateRoot"]); d != "" {
		t.Error(d)
	}
}

func TestWhatIsWrongIsRefusedWithAReason(t *testing.T) {
	n := start(t, "")
	n.do("POST", "/tx", put(alice, 0, "k", "v").Bytes())
	forged := put(alice, 5, "k", "v").Bytes()
	forged[60] ^= 1
	foreign := kvvm.NewTx(vmsdk.IDOf([]byte("another chain")), bob, 0, kvvm.Put, []byte("k"), []byte("v"))
	for name, c := range map[string]struct {
		body []byte
		code int
		want string
	}{
		"no transaction": {[]byte("hello"), 400, "bytes"},
		"forged":         {forged, 400, "signature"},
		"another chain":  {foreign.Bytes(), 400, "signature for this chain"},
		"too long":       {make([]byte, 1<<20), 413, "can't be read"},
		"nonce taken":    {put(alice, 0, "k", "other").Bytes(), 409, "nonce 0"},
	} {
		if code, body := n.do("POST", "/tx", c.body); code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	n.accept(n.build())
	code, body := n.do("POST", "/tx", put(alice, 0, "k", "other").Bytes())
	if code != 400 || !strings.Contains(body, "next is 1") {
		t.Errorf("a used nonce: %d %s", code, body)
	}
	if code, _ := n.do("POST", "/tx", put(alice, 0, "k", "v").Bytes()); code != 200 {
		t.Errorf("posting an accepted transaction again: %d", code)
	}
}

func TestABlockWithAForgedTransactionIsInvalid(t *testing.T) {
	honest, other := start(t, ""), start(t, "")
	honest.do("POST", "/tx", put(alice, 0, "k", "v").Bytes())
	raw := bytes.Clone(honest.build().Bytes())
	raw[len(raw)-1] ^= 1 // the signature's last byte
	b, err := other.vm.ParseBlock(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Verify(ctx, other.last, vmsdk.BuildContext{}); err == nil ||
		!strings.Contains(err.Error(), "signature") {
		t.Errorf("Verify: %v", err)
	}
}

func TestForgedTransactionsInALargeBatchAreFound(t *testing.T) {
	n := start(t, "")
	txs := make([][]byte, 100)
	forged := map[int]bool{3: true, 64: true, 99: true}
	for i := range txs {
		txs[i] = put(alice, uint64(i), "k", "v").Bytes()
		if forged[i] {
			txs[i][len(txs[i])-1] ^= 1
		}
	}
	_, errs := n.vm.Submit(txs...)
	for i, err := range errs {
		if (err != nil) != forged[i] {
			t.Errorf("transaction %d: %v", i, err)
		}
	}
}

func TestABatchIsTakenWithExceptions(t *testing.T) {
	n := start(t, "")
	bad := put(bob, 0, "k", "v").Bytes()
	bad[80] ^= 1
	batch := vmsdk.JoinTxs(put(alice, 0, "a", "1").Bytes(), bad, put(alice, 1, "b", "2").Bytes())
	code, body := n.do("POST", "/txs", batch)
	if code != 200 || !strings.Contains(body, `"taken":2`) || !strings.Contains(body, `"index":1`) {
		t.Errorf("%d %s", code, body)
	}
	if got := n.get("/account/" + fmt.Sprintf("%x", alice.Public())); got["nonce"] != 0.0 ||
		got["pendingNonce"] != 2.0 {
		t.Errorf("the account: %v", got)
	}
}

func TestGossipReachesAnotherNodesMempool(t *testing.T) {
	n, other := start(t, ""), start(t, "")
	tx := put(alice, 0, "k", "v")
	n.do("POST", "/tx", tx.Bytes())
	n.fire()
	for _, gossip := range n.sent {
		if err := other.vm.AppGossip(ctx, vmsdk.NodeID{1}, gossip); err != nil {
			t.Fatal(err)
		}
	}
	if got := other.get("/tx/" + tx.ID().String())["status"]; got != "pending" {
		t.Errorf("at the other node it is %v", got)
	}
	other.fire()
	if len(other.sent) != 0 {
		t.Error("what came by gossip is sent on at once: a storm")
	}
	other.accept(other.build())
}

func TestEventsStreamAcceptedBlocks(t *testing.T) {
	n := start(t, "")
	server := httptest.NewServer(n.web)
	defer server.Close()
	r, err := http.Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	buffer := make([]byte, 4096)
	if _, err := r.Body.Read(buffer); err != nil { // the greeting: the listener is there now
		t.Fatal(err)
	}
	tx := put(alice, 0, "k", "v")
	n.do("POST", "/tx", tx.Bytes())
	n.accept(n.build())
	size, err := r.Body.Read(buffer)
	got := string(buffer[:size])
	if err != nil || !strings.Contains(got, "event: block") || !strings.Contains(got, tx.ID().String()) {
		t.Errorf("%q, %v", got, err)
	}
	if err := n.vm.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Body.Read(buffer); err == nil {
		t.Error("the stream goes on after Shutdown")
	}
}

func TestAWrongGenesisIsAReadableError(t *testing.T) {
	_, err := (&kvvm.VM{}).Initialize(ctx, &vmsdk.Chain{Genesis: []byte(`{"stat": {}}`), Now: time.Now},
		&database.Batch{})
	if err == nil || !strings.Contains(err.Error(), "stat") {
		t.Errorf("%v", err)
	}
}

func TestThoseWhoPostMoreThanCanWaitAreAskedToComeAgain(t *testing.T) {
	n := start(t, "")
	fill := make([][]byte, vmsdk.DefaultMaxTxs-1)
	for i := range fill {
		sender := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(10 + i%4)}, 32)) // each may have a quarter
		fill[i] = put(sender, uint64(i/4), "k", "v").Bytes()
	}
	if _, errs := n.vm.Submit(fill...); errs[len(errs)-1] != nil {
		t.Fatal(errs[len(errs)-1])
	}
	one, two, three := put(bob, 0, "a", "1").Bytes(), put(bob, 1, "a", "2").Bytes(), put(bob, 2, "a", "3").Bytes()
	code, body := n.do("POST", "/txs", vmsdk.JoinTxs(one, two))
	if code != http.StatusOK || !strings.Contains(body, `"taken":1`) {
		t.Errorf("room for one of two: %d %v", code, body)
	}
	for path, content := range map[string][]byte{"/txs": vmsdk.JoinTxs(two, three), "/tx": two} {
		w := httptest.NewRecorder()
		n.web.ServeHTTP(w, httptest.NewRequest("POST", path, bytes.NewReader(content)))
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" ||
			strings.Trim(w.Header().Get(httpproxy.CostHeader), "0") != "" { // it is nobody's fault
			t.Errorf("POST %s to a full node: %d, %v", path, w.Code, w.Header())
		}
	}
}

// Whoever posts what can't be good has the check of its signature made for nothing.
func TestWhatABatchIsRefusedIsPaid(t *testing.T) {
	n := start(t, "")
	batch := [][]byte{put(alice, 0, "a", "1").Bytes()}
	for nonce := range uint64(3) {
		bad := put(bob, nonce, "k", "v").Bytes()
		bad[80] ^= 1
		batch = append(batch, bad)
	}
	w := httptest.NewRecorder()
	n.web.ServeHTTP(w, httptest.NewRequest("POST", "/txs", bytes.NewReader(vmsdk.JoinTxs(batch...))))
	if w.Header().Get(httpproxy.CostHeader) != "3" || !strings.Contains(w.Body.String(), `"taken":1`) {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

// failing is a database whose reads fail when the node's do.
type failing struct {
	database.Reader
	node *node
}

func (f *failing) Get(ctx context.Context, key []byte) ([]byte, error) {
	if f.node.unread != nil {
		return nil, f.node.unread
	}
	return f.Reader.Get(ctx, key)
}

func TestWhatCantBeReadIsntCalledUnknown(t *testing.T) {
	n := start(t, "")
	tx := put(alice, 0, "k", "v")
	n.do("POST", "/tx", tx.Bytes())
	n.accept(n.build())
	n.unread = errors.New("checksum mismatch")
	account := fmt.Sprintf("/account/%x", alice.Public())
	for _, path := range []string{"/tx/" + tx.ID().String(), "/key/k", account} {
		code, body := n.do("GET", path, nil)
		if code != 500 || !strings.Contains(body, "checksum mismatch") || !strings.Contains(body, "REEVE-1406") {
			t.Errorf("GET %s: %d %s", path, code, body)
		}
	}
	if code, body := n.do("POST", "/tx", tx.Bytes()); code != 500 {
		t.Errorf("posting what may be accepted already: %d %s", code, body)
	}
}

func TestUsersSeeABlockWhenItIsCommittedAndNotBefore(t *testing.T) {
	n := start(t, "")
	n.do("POST", "/tx", put(alice, 0, "k", "v").Bytes())
	b := n.build()
	if err := b.Verify(ctx, n.last, vmsdk.BuildContext{}); err != nil {
		t.Fatal(err)
	}
	var batch database.Batch
	if err := b.Accept(ctx, &batch); err != nil {
		t.Fatal(err)
	}
	n.write(&batch)
	if got := n.get("/head")["height"]; got != 0.0 {
		t.Errorf("when the block is accepted users see height %v", got)
	}
	n.vm.Committed(ctx, b)
	if got := n.get("/head")["height"]; got != 1.0 {
		t.Errorf("when the block is durable users see height %v", got)
	}
}
