package txs

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/httpjson"
)

// Limits of POST /txs, in transactions and bytes.
const (
	maxBatchTxs   = 4096
	maxBatchBytes = 4 << 20
)

// Routes serves users: POST /tx and /txs take transactions, GET /tx/{id} says where one is, GET /account/{account}
// which nonce is next.
func (p *Pool[T]) Routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /tx", p.onTx)
	mux.HandleFunc("POST /txs", p.onTxs)
	mux.HandleFunc("GET /tx/{id}", p.onGetTx)
	mux.HandleFunc("GET /account/{account}", p.onGetAccount)
}

// onTx takes one signed transaction, as bytes, and answers its id: it waits for a block now, or is in one already.
func (p *Pool[T]) onTx(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, vmsdk.MaxTxSize))
	if err != nil {
		httpjson.Refuse(w, http.StatusRequestEntityTooLarge, "the transaction can't be read: %v", err)
		return
	}
	if ids, errs := p.post(r.Context(), content); errs[0] != nil {
		refuse(w, errs[0])
	} else {
		httpjson.Answer(w, http.StatusOK, map[string]vmsdk.ID{"tx": ids[0]})
	}
}

// post adds transactions. One that is in a block already isn't refused.
func (p *Pool[T]) post(ctx context.Context, contents ...[]byte) ([]vmsdk.ID, []error) {
	ids, errs := p.AddContext(ctx, contents...)
	for i, err := range errs {
		if err == nil {
			continue
		}
		if height, unread := p.height(ctx, ids[i]); height > 0 || unread != nil {
			errs[i] = unread
		}
	}
	return ids, errs
}

func refuse(w http.ResponseWriter, err error) {
	var busy *vmsdk.BusyError
	var invalid *vmsdk.InvalidError
	var internal *vmsdk.InternalError
	switch {
	case errors.As(err, &internal):
		httpjson.Unread(w, err)
	case errors.As(err, &busy):
		retryAfter(w, busy)
		httpjson.Refuse(w, http.StatusTooManyRequests, "%v", err)
	case errors.As(err, &invalid):
		httpjson.Refuse(w, http.StatusBadRequest, "%s", invalid.Reason)
	default:
		httpjson.Refuse(w, http.StatusConflict, "%v", err)
	}
}

func retryAfter(w http.ResponseWriter, busy *vmsdk.BusyError) {
	w.Header().Set("Retry-After", fmt.Sprint(math.Ceil(busy.RetryAfter.Seconds())))
}

// height is where a transaction was accepted; 0: it wasn't. What can't be read is an error, and not unknown.
func (p *Pool[T]) height(ctx context.Context, id vmsdk.ID) (uint64, error) {
	height, err := p.durable.Get(ctx, append([]byte(acceptedKey), id[:]...))
	switch {
	case errors.Is(err, vmsdk.ErrNotFound):
		return 0, nil
	case err == nil && len(height) != 8:
		err = fmt.Errorf("the entry of transaction %v has %d bytes", id.Short(), len(height))
	}
	if err != nil {
		return 0, &vmsdk.InternalError{Reason: err.Error()}
	}
	return binary.BigEndian.Uint64(height), nil
}

type refusal struct {
	Index int    `json:"index"`
	Error string `json:"error"`
}

// onTxs takes many transactions, each with its length before it as a varint. When none was taken because too many wait,
// the answer says so to those who look at no more than its status.
func (p *Pool[T]) onTxs(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBatchBytes))
	if err != nil {
		httpjson.Refuse(w, http.StatusRequestEntityTooLarge, "the batch can't be read: %v", err)
		return
	}
	contents, err := vmsdk.SplitTxs(body, maxBatchTxs)
	if err != nil {
		httpjson.Refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	_, errs := p.post(r.Context(), contents...)
	refused, bad := []refusal{}, 0
	var busy *vmsdk.BusyError
	for i, err := range errs {
		if err != nil {
			refused = append(refused, refusal{i, err.Error()})
			if !errors.As(err, &busy) {
				bad++
			}
		}
	}
	httpjson.Cost(w, bad) // each was checked, and nobody pays for what is in no block
	code := http.StatusOK
	if busy != nil && len(refused) == len(errs) {
		retryAfter(w, busy)
		code = http.StatusTooManyRequests
	}
	httpjson.Answer(w, code, map[string]any{"taken": len(errs) - len(refused), "refused": refused})
}

// Status is where a transaction is: the answer to GET /tx/{id}.
type Status struct {
	Tx     vmsdk.ID `json:"tx"`
	Status string   `json:"status"` // pending, or accepted at Height
	Height uint64   `json:"height,omitempty"`
}

// Accepted reports whether the transaction is final.
func (s *Status) Accepted() bool { return s.Status == "accepted" }

func (p *Pool[T]) onGetTx(w http.ResponseWriter, r *http.Request) {
	var id vmsdk.ID
	if err := id.UnmarshalText([]byte(r.PathValue("id"))); err != nil {
		httpjson.Refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	status, known, err := p.Status(r.Context(), id)
	switch {
	case err != nil:
		httpjson.Unread(w, err)
	case known:
		httpjson.Answer(w, http.StatusOK, status)
	default:
		httpjson.Refuse(w, http.StatusNotFound, "this node knows no transaction %s", id)
	}
}

// Status says where a transaction is; false: this node knows nothing of it.
func (p *Pool[T]) Status(ctx context.Context, id vmsdk.ID) (s Status, known bool, err error) {
	_, waits := p.Get(id) // first: it may be accepted while the database is read
	height, err := p.height(ctx, id)
	switch {
	case err != nil:
		return s, false, err
	case height > 0:
		return Status{Tx: id, Status: "accepted", Height: height}, true, nil
	}
	return Status{Tx: id, Status: "pending"}, waits, nil
}

// Account is which nonce an account's next transaction has: the answer to GET /account/{account}.
type Account struct {
	Nonce   uint64 `json:"nonce"`        // after accepted blocks
	Pending uint64 `json:"pendingNonce"` // after what waits, too
}

func (p *Pool[T]) onGetAccount(w http.ResponseWriter, r *http.Request) {
	account, err := hex.DecodeString(strings.ToLower(r.PathValue("account")))
	if err != nil || len(account) != 32 {
		httpjson.Refuse(w, http.StatusBadRequest, "an account is a public key: 64 hexadecimal digits")
		return
	}
	a, err := p.Account(r.Context(), vmsdk.ID(account))
	if err != nil {
		httpjson.Unread(w, err)
		return
	}
	httpjson.Answer(w, http.StatusOK, a)
}

// Account says which nonce is next for an account.
func (p *Pool[T]) Account(ctx context.Context, key vmsdk.ID) (Account, error) {
	entry, err := p.durable.Get(ctx, append([]byte(accountPrefix), key[:]...))
	if err != nil && !errors.Is(err, vmsdk.ErrNotFound) {
		return Account{}, err
	}
	next := nextNonce(entry)
	return Account{Nonce: next, Pending: p.NextNonce(string(key[:]), next)}, nil
}
