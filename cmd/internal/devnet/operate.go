package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/operator"
)

// onSocket calls what a node's overseer answers at its unix socket, with the operator's key. It needs no network.
func onSocket(h datadir.Node, call func(*http.Client) error) error {
	client := operator.Client(h.Socket(datadir.MonitorSocket))
	defer client.CloseIdleConnections()
	return call(client)
}

// VM asks a node what the plugin of a chain is, and how it is.
func VM(ctx context.Context, h datadir.Node, chain string) (*gateway.VM, error) {
	var vm gateway.VM
	return &vm, onSocket(h, func(c *http.Client) error {
		return fetch(ctx, c, "http://overseer/ext/vm/"+url.PathEscape(chain), &vm)
	})
}

// RestartPlugin has a node end the plugin of a chain and start another, and forget what it held against the one before.
func RestartPlugin(ctx context.Context, h datadir.Node, chain, why string) error {
	return tell(ctx, h, chain, "restart", url.Values{"why": {why}})
}

// SetLogLevel has the plugin of a chain log from that level on.
func SetLogLevel(ctx context.Context, h datadir.Node, chain string, level slog.Level) error {
	return tell(ctx, h, chain, "log-level", url.Values{"level": {level.String()}})
}

func tell(ctx context.Context, h datadir.Node, chain, what string, how url.Values) error {
	return onSocket(h, func(c *http.Client) error {
		target := "http://overseer/ext/vm/" + url.PathEscape(chain) + "/" + what + "?" + how.Encode()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, nil)
		if err != nil {
			return err
		}
		r, err := c.Do(req)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if r.StatusCode == http.StatusOK {
			return nil
		}
		var problem struct{ Error string }
		if json.NewDecoder(io.LimitReader(r.Body, maxAnswer)).Decode(&problem) != nil || problem.Error == "" {
			problem.Error = r.Status
		}
		return errors.New(problem.Error)
	})
}
