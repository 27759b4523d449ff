package collate

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/reevenet/reeve/services/collator/ledger"
)

// ErrFull: as many transfers wait as may.
var ErrFull = errors.New("too many transfers wait: try again when a block has been included")

// Head is the head on which the relay chain has the ledger build, and its state.
func (c *Chain) Head() (ledger.Head, ledger.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current, c.states[c.current.State]
}

// Transfer takes a transfer that waits for a block, if it could be the account's next one or a later one.
func (c *Chain) Transfer(t ledger.Transfer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.take(t)
}

func (c *Chain) take(t ledger.Transfer) error {
	of := 0
	for _, p := range c.pending {
		if p.From == t.From {
			of++
		}
	}
	state := append(ledger.State(nil), c.states[c.current.State]...)
	at, known := state.Find(t.From)
	switch {
	case len(c.pending) >= maxPending || of >= ofAccount:
		return ErrFull
	case !known:
		return ledger.ErrFunds
	case t.Nonce < state[at].Nonce || t.Nonce >= state[at].Nonce+ofAccount:
		return ledger.ErrNonce
	}
	state[at].Nonce = t.Nonce // of later ones the signature and the funds are checked as of now
	if err := state.Apply(t); err != nil {
		return err
	}
	c.pending = append(c.pending, t)
	return nil
}

// Handler is the ledger's door for its users.
func (c *Chain) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /head", func(w http.ResponseWriter, _ *http.Request) {
		head, state := c.Head()
		answer(w, map[string]any{
			"number": head.Number, "state": hex.EncodeToString(head.State[:]), "accounts": len(state),
			"blocks": c.Stats(),
		})
	})
	mux.HandleFunc("GET /accounts/{key}", func(w http.ResponseWriter, r *http.Request) {
		var key [ledger.KeySize]byte
		if b, err := hex.DecodeString(r.PathValue("key")); err != nil || len(b) != copy(key[:], b) || len(b) != len(key) {
			http.Error(w, "an account is 64 hexadecimal digits", http.StatusBadRequest)
			return
		}
		head, state := c.Head()
		at, known := state.Find(key)
		if !known {
			http.Error(w, "there is no such account", http.StatusNotFound)
			return
		}
		answer(w, map[string]any{"balance": state[at].Balance, "nonce": state[at].Nonce, "block": head.Number})
	})
	mux.HandleFunc("POST /transfers", c.postTransfer)
	return mux
}

// postTransfer takes a transfer's bytes, in hexadecimal.
func (c *Chain) postTransfer(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2*ledger.TransferSize+2))
	if err != nil {
		http.Error(w, "a transfer is shorter", http.StatusRequestEntityTooLarge)
		return
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		http.Error(w, "a transfer is in hexadecimal: "+err.Error(), http.StatusBadRequest)
		return
	}
	t, err := ledger.DecodeTransfer(raw)
	if err == nil {
		err = c.Transfer(t)
	}
	switch {
	case errors.Is(err, ErrFull):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who asked has gone
}
