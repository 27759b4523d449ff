package kvvm

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// maxBatch bounds POST /txs, in transactions and bytes.
const (
	maxBatchTxs   = 4096
	maxBatchBytes = 4 << 20
)

func (vm *VM) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tx", vm.onTx)
	mux.HandleFunc("POST /txs", vm.onTxs)
	mux.HandleFunc("GET /tx/{id}", vm.onGetTx)
	mux.HandleFunc("GET /key/{key...}", vm.onGetKey)
	mux.HandleFunc("GET /account/{account}", vm.onGetAccount)
	mux.HandleFunc("GET /head", vm.onHead)
	mux.HandleFunc("GET /events", vm.onEvents)
	return mux
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the asker has gone, or has it
}

type problem struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, code int, format string, args ...any) {
	answer(w, code, problem{fmt.Sprintf(format, args...)})
}

// onTx takes one signed transaction, as bytes, and answers its id: it waits for a block now, or is in one already.
func (vm *VM) onTx(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTx))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "the transaction can't be read: %v", err)
		return
	}
	ids, errs := vm.pool.Add(content)
	if errs[0] != nil && !vm.accepted(r, ids[0]) {
		refuseTx(w, errs[0])
		return
	}
	answer(w, http.StatusOK, map[string]string{"tx": ids[0].String()})
}

func refuseTx(w http.ResponseWriter, err error) {
	var busy *vmsdk.BusyError
	var invalid *vmsdk.InvalidError
	switch {
	case errors.As(err, &busy):
		retryAfter(w, busy)
		refuse(w, http.StatusTooManyRequests, "too many transactions wait; try again")
	case errors.As(err, &invalid):
		refuse(w, http.StatusBadRequest, "%s", invalid.Reason)
	default:
		refuse(w, http.StatusConflict, "%v", err)
	}
}

func retryAfter(w http.ResponseWriter, busy *vmsdk.BusyError) {
	w.Header().Set("Retry-After", fmt.Sprint(math.Ceil(busy.RetryAfter.Seconds())))
}

func (vm *VM) accepted(r *http.Request, id vmsdk.ID) bool {
	known, err := vm.chain.DB.Has(r.Context(), append([]byte(txPrefix), id[:]...))
	return err == nil && known
}

type txRefusal struct {
	Index int    `json:"index"`
	Error string `json:"error"`
}

// onTxs takes many transactions, each with its length before it as a varint. When none was taken because too many wait, the answer
// says so to those who look at no more than its status.
func (vm *VM) onTxs(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBatchBytes))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "the batch can't be read: %v", err)
		return
	}
	contents, err := vmsdk.SplitTxs(body, maxBatchTxs)
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	ids, errs := vm.pool.Add(contents...)
	refused := []txRefusal{}
	var busy *vmsdk.BusyError
	for i, err := range errs {
		if err != nil && !vm.accepted(r, ids[i]) {
			refused = append(refused, txRefusal{i, err.Error()})
			errors.As(err, &busy)
		}
	}
	code := http.StatusOK
	if busy != nil && len(refused) == len(errs) {
		retryAfter(w, busy)
		code = http.StatusTooManyRequests
	}
	answer(w, code, map[string]any{"taken": len(errs) - len(refused), "refused": refused})
}

// onGetTx tells whether a transaction waits or at which height it was accepted.
func (vm *VM) onGetTx(w http.ResponseWriter, r *http.Request) {
	var id vmsdk.ID
	if err := id.UnmarshalText([]byte(r.PathValue("id"))); err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	height, err := vm.chain.DB.Get(r.Context(), append([]byte(txPrefix), id[:]...))
	if err == nil && len(height) == 8 {
		answer(w, http.StatusOK, map[string]any{"tx": id, "status": "accepted", "height": binary.BigEndian.Uint64(height)})
		return
	}
	if _, waits := vm.pool.Get(id); waits {
		answer(w, http.StatusOK, map[string]any{"tx": id, "status": "pending"})
		return
	}
	refuse(w, http.StatusNotFound, "this node knows no transaction %s", id)
}

// onGetKey reads a key, as of the height in the answer or a later one.
func (vm *VM) onGetKey(w http.ResponseWriter, r *http.Request) {
	height := vm.head.Load().height
	key := r.PathValue("key")
	value, err := vm.chain.DB.Get(r.Context(), []byte(valuePrefix+key))
	switch {
	case errors.Is(err, vmsdk.ErrNotFound):
		refuse(w, http.StatusNotFound, "no key %q", key)
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, "%v", err)
	default:
		answer(w, http.StatusOK, map[string]any{"key": key, "value": string(value), "height": height})
	}
}

// onGetAccount tells which nonce an account's next transaction has, after accepted blocks and after what waits.
func (vm *VM) onGetAccount(w http.ResponseWriter, r *http.Request) {
	account, err := hex.DecodeString(strings.ToLower(r.PathValue("account")))
	if err != nil || len(account) != 32 {
		refuse(w, http.StatusBadRequest, "an account is a public key: 64 hexadecimal digits")
		return
	}
	entry, err := vm.chain.DB.Get(r.Context(), append([]byte(noncePrefix), account...))
	if err != nil && !errors.Is(err, vmsdk.ErrNotFound) {
		refuse(w, http.StatusServiceUnavailable, "%v", err)
		return
	}
	next := nonceOf(entry)
	answer(w, http.StatusOK, map[string]any{"nonce": next, "pendingNonce": vm.pool.NextNonce(string(account), next)})
}

type headAnswer struct {
	Height    uint64    `json:"height"`
	Block     vmsdk.ID  `json:"block"`
	StateRoot string    `json:"stateRoot"`
	Time      time.Time `json:"time"`
	Chain     string    `json:"chain"`
	ChainID   vmsdk.ID  `json:"chainId"`
	Pending   int       `json:"pending"`
}

// onHead is the last accepted block.
func (vm *VM) onHead(w http.ResponseWriter, _ *http.Request) {
	b := vm.head.Load()
	answer(w, http.StatusOK, headAnswer{
		Height: b.height, Block: b.id, StateRoot: hex.EncodeToString(b.stateRoot[:]), Time: b.Timestamp(),
		Chain: vm.chain.Name, ChainID: vm.chain.ID, Pending: vm.pool.Len(),
	})
}
