package killtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/vmhost/relayvm"
	"github.com/reevenet/reeve/vmhost/vmsdk/events"
)

// relayChain is the name of the relay chain of a network of its own.
const relayChain = devnet.RelayChain

// relay is a node of a relay chain, as its users see it.
type relay struct{ base string }

func relayOf(n devnet.NodeStatus) relay { return relay{n.HTTP + "/ext/bc/" + relayChain} }

// watch calls each with every block that the node accepts from now on, until the stream ends.
func (r relay) watch(ctx context.Context, each func(relayvm.Shown)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/events", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the node answers %s", resp.Status)
	}
	events.Read(resp.Body, func(data []byte) bool {
		var b relayvm.Shown
		if json.Unmarshal(data, &b) == nil {
			each(b)
		}
		return true
	})
	return nil
}

// offences lists what the chain has recorded.
func (r relay) offences(ctx context.Context) (list []relayvm.Offence, err error) {
	question := []byte(`{"jsonrpc":"2.0","id":1,"method":"offences"}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+"/rpc", bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Result *[]relayvm.Offence
		Error  *struct{ Message string }
	}
	switch err := json.NewDecoder(resp.Body).Decode(&answer); {
	case err != nil:
		return nil, err
	case answer.Error != nil:
		return nil, fmt.Errorf("the relay chain: %s", answer.Error.Message)
	case answer.Result == nil:
		return nil, fmt.Errorf("the relay chain answers nothing")
	}
	return *answer.Result, nil
}
