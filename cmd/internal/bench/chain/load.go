package chain

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	posters   = 4                    // connections that post at the same time, each for an account of its own
	batch     = 200                  // transactions per request
	fullPause = 5 * time.Millisecond // before posting again when not all were taken
	settle    = 4                    // the load's first 1/settle isn't counted
	mostRate  = 15_000               // transactions per second that are signed in advance
	mostFails = 20                   // requests in a row that a node may leave unanswered
)

// load posts transactions to the first node as fast as it takes them, and returns how many per second became final on
// another node once the first quarter of the time was over.
func (n *network) load(ctx context.Context, size int, length time.Duration) (float64, error) {
	accounts := make([]*account, posters)
	for i := range accounts {
		a, err := n.newAccount(ctx, size)
		if err != nil {
			return 0, err
		}
		accounts[i] = a
	}
	signed := signAll(accounts, int(length.Seconds()*mostRate)/posters)
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	group, posting := errgroup.WithContext(ctx)
	for i := range accounts {
		group.Go(func() error { return n.post(posting, signed[i]) })
	}
	first := time.NewTimer(length / settle)
	defer first.Stop()
	<-first.C
	rate, err := n.between(ctx, accounts)
	if posted := group.Wait(); posted != nil {
		return 0, posted
	}
	return rate, err
}

// between counts what becomes final from now until ctx ends.
func (n *network) between(ctx context.Context, accounts []*account) (float64, error) {
	uncancelled := context.WithoutCancel(ctx)
	before, began, err := n.final(uncancelled, accounts)
	if err != nil {
		return 0, err
	}
	<-ctx.Done()
	after, ended, err := n.final(uncancelled, accounts)
	if err != nil {
		return 0, err
	}
	return float64(after-before) / ended.Sub(began).Seconds(), nil
}

// final is how many transactions of the accounts the last node has accepted.
func (n *network) final(ctx context.Context, accounts []*account) (count uint64, at time.Time, err error) {
	last := n.nodes[len(n.nodes)-1]
	for _, a := range accounts {
		var known struct {
			Nonce uint64 `json:"nonce"`
		}
		if err := getJSON(ctx, last.url+"/account/"+hex.EncodeToString(a.public()), &known); err != nil {
			return 0, at, err
		}
		count += known.Nonce
	}
	return count, time.Now(), nil
}

// post posts the transactions in order, in batches, until they or the time end. A request that failed is posted again:
// a node answers that it has what arrived.
func (n *network) post(ctx context.Context, txs [][]byte) error {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for fails := 0; len(txs) > 0 && ctx.Err() == nil; {
		some := txs[:min(batch, len(txs))]
		taken, err := postBatch(ctx, client, n.nodes[0].url+"/txs", some)
		if fails++; err == nil {
			fails = 0
		} else if ctx.Err() == nil && fails > mostFails {
			return err
		}
		txs = txs[taken:]
		if taken < len(some) {
			time.Sleep(fullPause)
		}
	}
	return nil
}

// postBatch posts some transactions and returns how many of the first were taken: after one that wasn't, those with
// higher nonces are posted again, and a node answers that it has them.
func postBatch(ctx context.Context, client *http.Client, url string, txs [][]byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(bytes.Join(txs, nil)))
	if err != nil {
		return 0, err
	}
	var answer struct {
		Refused []struct {
			Index int    `json:"index"`
			Error string `json:"error"`
		} `json:"refused"`
	}
	if err := doJSON(client, req, &answer); err != nil {
		return 0, err
	}
	if len(answer.Refused) == 0 {
		return len(txs), nil
	}
	return answer.Refused[0].Index, nil
}

func getJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return doJSON(http.DefaultClient, req, into)
}

func doJSON(client *http.Client, req *http.Request, into any) error {
	r, err := client.Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK && r.StatusCode != http.StatusTooManyRequests {
		return fmt.Errorf("%s answers %s: %s", req.URL.Path, r.Status, bytes.TrimSpace(text))
	}
	return json.Unmarshal(text, into)
}
