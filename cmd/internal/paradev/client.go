package paradev

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

// ErrAbsent says that the relay chain has no such thing.
var ErrAbsent = errors.New("not there")

// codeUnknown is JSON-RPC's code for what isn't there (docs/relayvm.md).
const codeUnknown = -32001

// Client speaks to a relay chain through one node, which it trusts.
type Client struct{ url string }

// Dial returns a client of the chain at the node whose HTTP address is given, such as http://127.0.0.1:9650.
func Dial(node, chain string) *Client { return &Client{url: node + "/ext/bc/" + chain + "/rpc"} }

// call calls a method of the chain's JSON-RPC.
func (c *Client) call(ctx context.Context, method string, params, into any) error {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	var answer struct {
		Result json.RawMessage
		Error  *struct {
			Code    int
			Message string
		}
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxAnswer)).Decode(&answer); err != nil {
		return fmt.Errorf("%s answers %s: %w", c.url, r.Status, err)
	}
	switch {
	case answer.Error != nil && answer.Error.Code == codeUnknown:
		return fmt.Errorf("%w: %s", ErrAbsent, answer.Error.Message)
	case answer.Error != nil:
		return errors.New(answer.Error.Message)
	}
	return json.Unmarshal(answer.Result, into)
}

func (c *Client) head(ctx context.Context) (h relayvm.Head, err error) {
	return h, c.call(ctx, "head", struct{}{}, &h)
}

func (c *Client) paras(ctx context.Context) (list []relayvm.Para, err error) {
	return list, c.call(ctx, "paras", struct{}{}, &list)
}

func (c *Client) cores(ctx context.Context) (list []relayvm.CoreView, err error) {
	return list, c.call(ctx, "cores", struct{}{}, &list)
}

func (c *Client) block(ctx context.Context, height uint64) (b relayvm.BlockView, err error) {
	return b, c.call(ctx, "block", map[string]any{"height": height}, &b)
}

// nonce is that of an account's next transaction, those that wait counted.
func (c *Client) nonce(ctx context.Context, account primitives.Hash) (uint64, error) {
	var a struct{ PendingNonce uint64 }
	err := c.call(ctx, "account", map[string]any{"account": account}, &a)
	return a.PendingNonce, err
}

// knows tells whether a code is there.
func (c *Client) knows(ctx context.Context, code primitives.Hash) (bool, error) {
	var a struct{ Size uint64 }
	err := c.call(ctx, "code", map[string]any{"hash": code}, &a)
	if errors.Is(err, ErrAbsent) {
		return false, nil
	}
	return a.Size > 0, err
}

func (c *Client) submit(ctx context.Context, tx *relayvm.Tx) error {
	var a struct{ Tx primitives.Hash }
	return c.call(ctx, "submit", map[string]any{"tx": relayvm.HexBytes(tx.Bytes())}, &a)
}
