package paradev_test

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/paradev"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/relayvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// relay plays a relay chain: each transaction is in a block at once.
type relay struct {
	t       *testing.T
	calls   []relayvm.Call
	known   bool   // the code
	failure string // why registrations do nothing
	paras   []relayvm.Para
	cores   []relayvm.CoreView
}

func (r *relay) client() *paradev.Client {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ext/bc/relay/rpc", r.serve)
	s := httptest.NewServer(mux)
	r.t.Cleanup(s.Close)
	return paradev.Dial(s.URL, "relay")
}

func (r *relay) serve(w http.ResponseWriter, req *http.Request) {
	var q struct {
		Method string
		Params struct{ Tx relayvm.HexBytes }
	}
	if err := json.NewDecoder(req.Body).Decode(&q); err != nil {
		r.t.Error(err)
	}
	answer := map[string]any{"jsonrpc": "2.0", "id": 1}
	absent := map[string]any{"code": -32001, "message": "no"}
	switch q.Method {
	case "head":
		answer["result"] = relayvm.Head{Height: 9, ChainID: vmsdk.ID{1}}
	case "account":
		answer["result"] = map[string]any{"nonce": 3, "pendingNonce": 5}
	case "code":
		if answer["error"] = absent; r.known {
			answer = map[string]any{"result": map[string]any{"size": 4}}
		}
	case "submit":
		r.take(q.Params.Tx)
		answer["result"] = map[string]any{"tx": vmsdk.ID{2}}
	case "transaction":
		v := relayvm.TxView{Status: txs.Status{Status: "accepted"}}
		if _, registers := r.calls[len(r.calls)-1].(relayvm.Register); registers {
			v.Failure = r.failure
		}
		answer["result"] = v
	case "paras":
		answer["result"] = r.paras
	case "cores":
		answer["result"] = r.cores
	case "block":
		answer["result"] = relayvm.BlockView{Time: time.Unix(5, 0).UTC()}
	default:
		answer["error"] = map[string]any{"code": -32601, "message": "there is no method " + q.Method}
	}
	json.NewEncoder(w).Encode(answer)
}

// take reads a transaction as the relay chain does; nonces go on from 5.
func (r *relay) take(raw []byte) {
	tx, err := relayvm.ParseTx(raw)
	if err != nil || tx.Nonce() != uint64(5+len(r.calls)) {
		r.t.Error(err)
		return
	}
	r.calls = append(r.calls, tx.Call())
}

func register(t *testing.T, r *relay, code []byte) error {
	key, err := paradev.Key(filepath.Join(t.TempDir(), "owner.key"))
	if err != nil {
		t.Fatal(err)
	}
	return r.client().Register(t.Context(), key, relayvm.GenesisPara{ID: 7, Head: []byte("head"), Code: code},
		func(string) {})
}

func TestAParaIsRegisteredAfterItsCodeWasBroughtInParts(t *testing.T) {
	r := &relay{t: t}
	code := make([]byte, relayvm.MaxPart+1)
	if err := register(t, r, code); err != nil {
		t.Fatal(err)
	}
	last, ok := r.calls[len(r.calls)-1].(relayvm.Register)
	if !ok || len(r.calls) != 3 || last.Para != 7 || string(last.Head) != "head" ||
		last.Code != primitives.HashOf(code) {
		t.Errorf("%d transactions, the last %+v", len(r.calls), last)
	}
	r = &relay{t: t, known: true}
	if err := register(t, r, code); err != nil || len(r.calls) != 1 {
		t.Errorf("of a code that is known %d transactions, %v", len(r.calls), err)
	}
}

func TestARegistrationThatDoesNothingSaysWhy(t *testing.T) {
	if err := register(t, &relay{t: t, failure: "para 7 is registered already"}, []byte("code")); err == nil ||
		!strings.Contains(err.Error(), "registered already") {
		t.Error(err)
	}
}

func TestAnOwnersKeyIsMadeOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "owner.key")
	one, err := paradev.Key(file)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := paradev.Key(file); err != nil || !two.Equal(one) {
		t.Error(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	for _, text := range []string{"", "nonsense", hex.EncodeToString([]byte("short"))} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := paradev.Key(file); err == nil {
			t.Errorf("%q is a key", text)
		}
	}
}

func TestTheStatusOfParasIsWhatTheRelayChainHas(t *testing.T) {
	made, next := primitives.Hash{1}, primitives.Hash{2}
	id := uint32(7)
	r := &relay{t: t, paras: []relayvm.Para{
		{ID: 7, Head: []byte("head"), Included: 4, Last: &relayvm.LastIncluded{Candidate: made}}, {ID: 8},
	}, cores: []relayvm.CoreView{{Core: 0}, {Core: 1, Para: &id, Candidate: &next, Votes: 3}}}
	list, err := r.client().Status(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	s := list[0]
	if *s.Core != 1 || s.HeadHash != primitives.HashOf([]byte("head")) || *s.Candidate != made || *s.UnderWay != next ||
		s.Votes != 3 || s.IncludedIn != 4 || !s.IncludedAt.Equal(time.Unix(5, 0)) {
		t.Errorf("%+v", s)
	}
	if s := list[1]; s.Core != nil || s.Candidate != nil || s.UnderWay != nil || s.IncludedAt != nil {
		t.Errorf("%+v", s)
	}
}
