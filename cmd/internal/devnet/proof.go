package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/proof"
)

// Proof asks a node's door for clients for the file that proves an accepted block, by id or height; gateway.ErrNoBlock
// if there is none, gateway.ErrNoProof if it has no certificate. What the file says isn't checked.
func Proof(ctx context.Context, address, chain, at string) ([]byte, error) {
	url := "http://" + address + "/ext/chain/" + chain + "/proof/" + at
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(proof.MaxSize)+1))
	switch {
	case err != nil:
		return nil, err
	case r.StatusCode == http.StatusNotFound:
		return nil, gateway.ErrNoBlock
	case r.StatusCode == http.StatusOK && len(body) <= proof.MaxSize:
		return body, nil
	}
	return nil, refusal(r, body)
}

// refusal is what a node says when it gives nothing.
func refusal(r *http.Response, body []byte) error {
	var problem struct{ Error string }
	switch {
	case json.Unmarshal(body, &problem) != nil || problem.Error == "":
		return fmt.Errorf("the node answers %s", r.Status)
	case r.StatusCode == http.StatusConflict:
		return &noProof{problem.Error}
	}
	return errors.New(problem.Error)
}

// noProof is gateway.ErrNoProof in the node's own words.
type noProof struct{ said string }

func (e *noProof) Error() string { return e.said }
func (e *noProof) Unwrap() error { return gateway.ErrNoProof }
