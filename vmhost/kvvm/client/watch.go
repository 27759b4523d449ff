package client

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/reevenet/reeve/vmhost/vmsdk/events"
)

// Watch returns the blocks that are accepted from now on. The channel is closed when the node ends the stream or ctx
// does; the caller must read until then, or end ctx.
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
		events.Read(r.Body, func(data []byte) bool {
			var b Block
			if json.Unmarshal(data, &b) != nil {
				return true // no block
			}
			select {
			case blocks <- b:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	return blocks, nil
}
