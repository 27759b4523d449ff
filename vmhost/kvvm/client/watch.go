package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Block is an accepted block as the node tells of it.
type Block struct {
	Height    uint64            `json:"height"`
	ID        primitives.Hash   `json:"block"`
	StateRoot primitives.Hash   `json:"stateRoot"`
	Txs       []primitives.Hash `json:"txs"`
}

// Has tells whether the block holds the transaction.
func (b *Block) Has(tx primitives.Hash) bool { return slices.Contains(b.Txs, tx) }

// maxEvent bounds one event, in bytes: a block of the greatest number of transactions.
const maxEvent = 4 << 20

// Watch returns the blocks that are accepted from now on. The channel is closed when the node ends the stream or ctx does;
// the caller must read until then, or end ctx.
func (c *Client) Watch(ctx context.Context) (<-chan Block, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/events", nil)
	if err != nil {
		return nil, err
	}
	r, err := c.http.Do(req) //nolint:bodyclose // the goroutine below closes it
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		r.Body.Close()
		return nil, &Refused{Status: r.StatusCode, Reason: "the node answers " + r.Status}
	}
	blocks := make(chan Block)
	go func() {
		defer close(blocks)
		defer r.Body.Close()
		readEvents(ctx, r.Body, blocks)
	}()
	return blocks, nil
}

// readEvents reads server-sent events; what isn't a block is skipped.
func readEvents(ctx context.Context, body io.Reader, blocks chan<- Block) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var b Block
		if !ok || json.Unmarshal([]byte(data), &b) != nil {
			continue
		}
		select {
		case blocks <- b:
		case <-ctx.Done():
			return
		}
	}
}
