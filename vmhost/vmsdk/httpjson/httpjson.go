// Package httpjson answers requests of a chain's users in JSON. A refusal is {"error": "why"}, with a "code" where a
// program decides something by it.
package httpjson

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/reevenet/reeve/internal/bus/httpproxy"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// Answer sends a value.
func Answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the asker has gone, or has it
}

// Cost says, before the answer, that a request has cost so many calls more than one. A node passes on a bounded number of
// calls of each client; what is worth saying is what a client can cause at will and nobody pays for, such as signatures
// that don't hold.
func Cost(w http.ResponseWriter, calls int) {
	w.Header().Set(httpproxy.CostHeader, strconv.Itoa(calls))
}

// Refuse says why a request isn't served.
func Refuse(w http.ResponseWriter, code int, format string, args ...any) {
	Answer(w, code, map[string]string{"error": fmt.Sprintf(format, args...)})
}

// Unread says that this node can't read what it was asked for. That isn't a word about whether it is there.
func Unread(w http.ResponseWriter, err error) {
	Answer(w, http.StatusInternalServerError, map[string]string{
		"error": fmt.Sprintf("this node can't read what it keeps: %v; ask another node", err),
		"code":  errcode.ChainUnreadable.String(),
	})
}
