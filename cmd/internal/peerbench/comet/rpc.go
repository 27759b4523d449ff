package comet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const maxAnswer = 32 << 20

var errFull = errors.New("the mempool is full")

// rpc is JSON-RPC over HTTP with connections that stay open, to one validator.
type rpc struct {
	url    string
	client *http.Client
}

func newRPC(url string) *rpc {
	return &rpc{url: url,
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

type request struct {
	Version string `json:"jsonrpc"`
	ID      int    `json:"id"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

type answer struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
		Data    string `json:"data"`
	} `json:"error"`
}

func (r *rpc) post(ctx context.Context, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("answer %.100q: %w", text, err)
	}
	return nil
}

func (r *rpc) call(ctx context.Context, method string, params, into any) error {
	var a answer
	if err := r.post(ctx, request{"2.0", 1, method, params}, &a); err != nil {
		return err
	}
	if a.Error != nil {
		return fmt.Errorf("%s: %s: %s", method, a.Error.Message, a.Error.Data)
	}
	return json.Unmarshal(a.Result, into)
}

// submit posts the transactions in one request, each checked by the application before it answers; it returns how many
// were taken. Fewer than all means that the mempool was full.
func (r *rpc) submit(ctx context.Context, txs [][]byte) (int, error) {
	requests := make([]request, len(txs))
	for i, tx := range txs {
		requests[i] = request{"2.0", i + 1, "broadcast_tx_sync", map[string][]byte{"tx": tx}}
	}
	var answers []answer
	if len(requests) == 1 { // a batch of one is answered without its brackets
		answers = make([]answer, 1)
		if err := r.post(ctx, requests[0], &answers[0]); err != nil {
			return 0, err
		}
	} else if err := r.post(ctx, requests, &answers); err != nil {
		return 0, err
	}
	taken := 0
	for _, a := range answers {
		if a.Error == nil {
			taken++
		}
	}
	return taken, nil
}

func (r *rpc) height(ctx context.Context) (int64, error) {
	var status struct {
		SyncInfo struct {
			Height string `json:"latest_block_height"`
		} `json:"sync_info"`
	}
	if err := r.call(ctx, "status", struct{}{}, &status); err != nil {
		return 0, err
	}
	return strconv.ParseInt(status.SyncInfo.Height, 10, 64)
}

// has says whether a read of the key-value store finds the key.
func (r *rpc) has(ctx context.Context, key string) (bool, error) {
	var found struct {
		Response struct {
			Value []byte `json:"value"`
		} `json:"response"`
	}
	err := r.call(ctx, "abci_query", map[string]string{"path": "", "data": fmt.Sprintf("%x", key)}, &found)
	return len(found.Response.Value) > 0, err
}

// block is what counts of one committed block.
type block struct {
	height int64
	txs    int
}

// blocks returns the blocks from one height up to and including another, oldest first. The node gives 20 at a time.
func (r *rpc) blocks(ctx context.Context, from, to int64) ([]block, error) {
	const page = 20
	var all []block
	for ; from <= to; from += page {
		var chain struct {
			Metas []struct {
				Header struct {
					Height string `json:"height"`
				} `json:"header"`
				Txs string `json:"num_txs"`
			} `json:"block_metas"`
		}
		bounds := map[string]string{"minHeight": strconv.FormatInt(from, 10),
			"maxHeight": strconv.FormatInt(min(to, from+page-1), 10)}
		if err := r.call(ctx, "blockchain", bounds, &chain); err != nil {
			return nil, err
		}
		for i := len(chain.Metas) - 1; i >= 0; i-- {
			meta := chain.Metas[i]
			height, err := strconv.ParseInt(meta.Header.Height, 10, 64)
			txs, err2 := strconv.Atoi(meta.Txs)
			if err := errors.Join(err, err2); err != nil {
				return nil, err
			}
			all = append(all, block{height, txs})
		}
	}
	return all, nil
}
