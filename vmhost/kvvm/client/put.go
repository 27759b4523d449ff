package client

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"time"

	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Final is a transaction that can't be undone any more.
type Final struct {
	Tx     vmsdk.ID `json:"tx"`
	Height uint64   `json:"height"`
	Block  vmsdk.ID `json:"block"`
	Millis float64  `json:"finalMillis"` // from posting it until the node showed it
}

// retryInterval is how long to wait before a node is asked again.
const retryInterval = 20 * time.Millisecond

// Put sets a key and waits until the transaction is final at this node. The node may go away and come back meanwhile:
// the transaction is posted again until ctx ends, and counts once because its number does.
func (c *Client) Put(ctx context.Context, account ed25519.PrivateKey, nonce uint64, key, value string) (*Final, error) {
	head, err := c.Head(ctx)
	if err != nil {
		return nil, err
	}
	if !c.ChainID.IsZero() && c.ChainID != head.ChainID {
		return nil, &Refused{Status: http.StatusMisdirectedRequest, Reason: "a node of another network answers there"}
	}
	tx := kvvm.NewTx(head.ChainID, account, nonce, kvvm.Put, []byte(key), []byte(value))
	listening, stop := context.WithCancel(ctx)
	defer stop()
	blocks, err := c.Watch(listening)
	var refused *Refused
	if errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable { // others listen: await asks instead
		none := make(chan Block)
		close(none)
		blocks, err = none, nil
	}
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := c.Post(ctx, tx); err != nil {
		return nil, err
	}
	id := tx.ID()
	f, err := c.await(ctx, tx, blocks)
	if err != nil {
		return nil, err
	}
	f.Tx, f.Millis = id, float64(time.Since(began).Microseconds())/1000
	return f, nil
}

// await returns when a block has the transaction. If the stream of blocks ends, it asks for the transaction instead.
func (c *Client) await(ctx context.Context, tx *kvvm.Tx, blocks <-chan Block) (*Final, error) {
	id := tx.ID()
	for b := range blocks {
		if b.Has(id) {
			return &Final{Height: b.Height, Block: b.ID}, nil
		}
	}
	for ctx.Err() == nil {
		switch s, err := c.Tx(ctx, id); {
		case err == nil && s.Accepted():
			return &Final{Height: s.Height}, nil
		case errors.Is(err, ErrAbsent):
			c.Post(ctx, tx) //nolint:errcheck // asked for again below
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryInterval):
		}
	}
	return nil, ctx.Err()
}

// GetWhenThere reads a key, waiting until it is set to something, or to want if that isn't empty.
func (c *Client) GetWhenThere(ctx context.Context, key, want string) (*Entry, error) {
	for {
		e, err := c.Get(ctx, key)
		if err == nil && (want == "" || e.Value == want) {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(retryInterval):
		}
	}
}
