package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// node plays a node of the chain: every posted transaction is in the next block, once the test lets it.
type node struct {
	mu       sync.Mutex
	accepted map[vmsdk.ID]bool
	posted   int
	forget   int // so many posts are lost, as by a node that was killed
	silent   bool
	full     bool // of listeners
	events   chan string
}

func serve(t *testing.T, n *node) *Client {
	n.accepted, n.events = map[vmsdk.ID]bool{}, make(chan string, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ext/bc/kv/head", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(Head{Height: 4, ChainID: vmsdk.ID{1}})
	})
	mux.HandleFunc("POST /ext/bc/kv/tx", n.onPost)
	mux.HandleFunc("GET /ext/bc/kv/tx/{id}", n.onTx)
	mux.HandleFunc("GET /ext/bc/kv/key/{key}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("key") != "a b/c" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"key":"a b/c","value":"v","height":4}`)
	})
	mux.HandleFunc("GET /ext/bc/kv/events", func(w http.ResponseWriter, r *http.Request) {
		if n.full {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, ": hello\n\ndata: nonsense\n\n")
		http.NewResponseController(w).Flush()
		for !n.silent {
			select {
			case e := <-n.events:
				fmt.Fprintf(w, "data: %s\n\n", e)
				http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return New(s.URL, "kv")
}

func (n *node) onPost(w http.ResponseWriter, r *http.Request) {
	content, _ := io.ReadAll(r.Body)
	tx, err := kvvm.ParseTx(content)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":%q}`, err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.posted++; n.posted <= n.forget {
		return
	}
	n.accepted[tx.ID()] = true
	n.events <- `{"height":5,"block":"` + vmsdk.ID{9}.String() + `","txs":["` + tx.ID().String() + `"]}`
}

func (n *node) onTx(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var id vmsdk.ID
	if id.UnmarshalText([]byte(r.PathValue("id"))) != nil || !n.accepted[id] {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	json.NewEncoder(w).Encode(txs.Status{Tx: id, Status: "accepted", Height: 5})
}

func TestPutReturnsWithTheBlockThatHasTheTransaction(t *testing.T) {
	c := serve(t, &node{})
	f, err := c.Put(t.Context(), NewAccount(), 0, "k", "v")
	if err != nil {
		t.Fatal(err)
	}
	if f.Height != 5 || f.Block != (vmsdk.ID{9}) || f.Tx.IsZero() || f.Millis <= 0 {
		t.Errorf("%+v", f)
	}
}

func TestATransactionThatANodeForgotIsPostedAgain(t *testing.T) {
	n := &node{forget: 2, silent: true}
	f, err := serve(t, n).Put(t.Context(), NewAccount(), 0, "k", "v")
	if err != nil || f.Height != 5 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestPutNeedsNoPlaceAmongThoseWhoListen(t *testing.T) {
	f, err := serve(t, &node{full: true}).Put(t.Context(), NewAccount(), 0, "k", "v")
	if err != nil || f.Tx.IsZero() {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestPutEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := serve(t, &node{forget: 1 << 30}).Put(ctx, NewAccount(), 0, "k", "v")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestATransactionIsntMadeForAnotherNetwork(t *testing.T) {
	n := &node{}
	c := serve(t, n)
	c.ChainID = vmsdk.ID{2}
	if _, err := c.Put(t.Context(), NewAccount(), 0, "k", "v"); err == nil || n.posted > 0 {
		t.Errorf("got %v, %d posted", err, n.posted)
	}
}

func TestARefusalHasItsReason(t *testing.T) {
	_, err := serve(t, &node{}).Put(t.Context(), NewAccount(), 0, "", "v")
	if refused, ok := errors.AsType[*Refused](err); !ok || refused.Status != 400 || refused.Reason == "" {
		t.Errorf("got %v", err)
	}
}

func TestKeysAreEscapedAndAbsentOnesAreDistinguished(t *testing.T) {
	c := serve(t, &node{})
	if e, err := c.Get(t.Context(), "a b/c"); err != nil || e.Value != "v" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := c.Get(t.Context(), "other"); !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v", err)
	}
}
