// Package client is the client of the key-value chain: it signs transactions, posts them to a node, waits until they
// are final, and reads. It trusts the node that it asks, as every light use of a chain does, and keeps no state but its
// key.
package client

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/kvvm/view"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// ErrAbsent says that there is no such key or transaction.
var ErrAbsent = errors.New("not there")

// What a node answers.
type (
	Head  = view.Head
	Entry = view.Entry
	Block = view.Block
)

// Refused is a node's answer that it doesn't take a transaction, or can't answer now.
type Refused struct {
	Status int
	Reason string
}

func (e *Refused) Error() string { return e.Reason }

// Client speaks to one chain through one node.
type Client struct {
	// ChainID, if set, is the id that the chain must have: transactions for another one aren't made.
	ChainID vmsdk.ID

	base string // http://127.0.0.1:9650/ext/bc/kv
	http *http.Client
}

// New returns a client of the chain at the node whose HTTP address is given, such as http://127.0.0.1:9650.
func New(node, chain string) *Client {
	return &Client{base: node + "/ext/bc/" + chain, http: &http.Client{}}
}

// Head asks for the last accepted block.
func (c *Client) Head(ctx context.Context) (*Head, error) {
	var h Head
	return &h, c.call(ctx, http.MethodGet, "/head", nil, &h)
}

// Get reads a key; ErrAbsent if it isn't set.
func (c *Client) Get(ctx context.Context, key string) (*Entry, error) {
	var e Entry
	return &e, c.call(ctx, http.MethodGet, "/key/"+url.PathEscape(key), nil, &e)
}

// Tx asks where a transaction is; ErrAbsent if the node doesn't know it.
func (c *Client) Tx(ctx context.Context, id vmsdk.ID) (*txs.Status, error) {
	var s txs.Status
	return &s, c.call(ctx, http.MethodGet, "/tx/"+id.String(), nil, &s)
}

// Post hands in a signed transaction.
func (c *Client) Post(ctx context.Context, tx *kvvm.Tx) error {
	return c.call(ctx, http.MethodPost, "/tx", tx.Bytes(), nil)
}

// NewAccount makes a key to sign with. Accounts cost nothing on this chain.
func NewAccount() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("client: the system has no randomness: %v", err))
	}
	return key
}

func (c *Client) call(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return err
	}
	switch {
	case r.StatusCode == http.StatusNotFound && (strings.HasPrefix(path, "/key/") || strings.HasPrefix(path, "/tx/")):
		return ErrAbsent
	case r.StatusCode != http.StatusOK:
		var problem struct{ Error string }
		if json.Unmarshal(answer, &problem) != nil || problem.Error == "" {
			problem.Error = "the node answers " + r.Status
		}
		return &Refused{Status: r.StatusCode, Reason: problem.Error}
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer, into)
}
