package relayvm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/reevenet/reeve/vmhost/vmsdk/httpjson"
)

// maxRequest is the length in bytes of the longest JSON-RPC request: a transaction, in hexadecimal.
const maxRequest = 160 << 10

// rpcRequest is one call of JSON-RPC 2.0. Batches aren't served.
type rpcRequest struct {
	Version string          `json:"jsonrpc"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	ID      json.RawMessage `json:"id"`
}

type rpcResponse struct {
	Version string          `json:"jsonrpc"`
	Result  any             `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
	ID      json.RawMessage `json:"id"`
}

// rpcError is why a call has no result. Codes below -32099 are JSON-RPC's own.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string { return e.Message }

// The codes of errors.
const (
	codeParse    = -32700
	codeRequest  = -32600
	codeMethod   = -32601
	codeParams   = -32602
	codeInternal = -32603
	codeUnknown  = -32001 // there is no such thing
	codeRefused  = -32002 // the transaction can't be taken
	codeBusy     = -32003 // it can't be taken now
)

// methods are what can be called.
var methods = map[string]func(u *users, ctx context.Context, params json.RawMessage) (any, error){
	"head": (*users).rpcHead, "paras": (*users).rpcParas, "para": (*users).rpcPara, "cores": (*users).rpcCores,
	"configuration": (*users).rpcConfiguration, "session": (*users).rpcSession, "offences": (*users).rpcOffences,
	"disputes": (*users).rpcDisputes, "candidate": (*users).rpcCandidate, "block": (*users).rpcBlock,
	"account": (*users).rpcAccount, "code": (*users).rpcCode, "submit": (*users).rpcSubmit,
	"transaction": (*users).rpcTransaction,
}

func (u *users) onRPC(w http.ResponseWriter, r *http.Request) {
	response := rpcResponse{Version: "2.0", ID: json.RawMessage("null")}
	var request rpcRequest
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	if err := d.Decode(&request); err != nil {
		response.Error = &rpcError{codeParse, "the request isn't JSON: " + err.Error()}
		httpjson.Answer(w, http.StatusBadRequest, response)
		return
	}
	if len(request.ID) > 0 {
		response.ID = request.ID
	}
	result, err := u.call(r.Context(), request)
	response.Result = result
	if err != nil {
		response.Error = errorOf(err)
	}
	httpjson.Answer(w, http.StatusOK, response)
}

func (u *users) call(ctx context.Context, r rpcRequest) (any, error) {
	method, known := methods[r.Method]
	switch {
	case r.Version != "2.0":
		return nil, &rpcError{codeRequest, `jsonrpc must be "2.0"`}
	case !known:
		return nil, &rpcError{codeMethod, "there is no method " + r.Method}
	}
	return method(u, ctx, r.Params)
}

// errorOf is an error in JSON-RPC's words. What isn't one of ours is this node's own.
func errorOf(err error) *rpcError {
	var e *rpcError
	if errors.As(err, &e) {
		return e
	}
	return &rpcError{codeInternal, "this node can't read what it keeps: " + err.Error() + "; ask another node"}
}

// read reads a call's parameters, an object.
func read[T any](params json.RawMessage) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(params))
	d.DisallowUnknownFields()
	if len(params) == 0 {
		return v, nil
	}
	if err := d.Decode(&v); err != nil {
		return v, &rpcError{codeParams, "params: " + err.Error()}
	}
	return v, nil
}

func unknown(what string) error { return &rpcError{codeUnknown, what} }
