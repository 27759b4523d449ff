package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/proc"
)

// Client speaks to the process that supervises a network, or a single node.
type Client struct {
	run  string
	http *http.Client
}

// Dial returns a client for the supervisor that holds the run directory.
func Dial(run string) *Client {
	var d net.Dialer
	return &Client{run: run, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", controlSocket(run))
		},
	}}}
}

// Status asks for the status of all nodes.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	var s Status
	return &s, c.call(ctx, http.MethodGet, "/status", &s)
}

// Add makes and starts one more node and returns its name.
func (c *Client) Add(ctx context.Context) (name string, err error) {
	return name, c.call(ctx, http.MethodPost, "/nodes", &name)
}

// StopNode stops a node.
func (c *Client) StopNode(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodPost, "/nodes/"+name+"/stop", nil)
}

// StartNode starts a node again.
func (c *Client) StartNode(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodPost, "/nodes/"+name+"/start", nil)
}

// RemoveNode stops a node and deletes it.
func (c *Client) RemoveNode(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, "/nodes/"+name, nil)
}

// RestartProcess ends one process gently and starts it again.
func (c *Client) RestartProcess(ctx context.Context, node, process string) error {
	return c.call(ctx, http.MethodPost, "/nodes/"+node+"/processes/"+process+"/restart", nil)
}

// Down asks the supervisor to end, and returns when it has: nothing of the network runs any more then.
func (c *Client) Down(ctx context.Context) error {
	supervisor := c.holder()
	if err := c.call(ctx, http.MethodPost, "/down", nil); err != nil {
		return err
	}
	for supervisor.Alive() {
		select {
		case <-ctx.Done():
			return errcode.New(errcode.TookTooLong, "It may still be stopping; run the command again.", ctx.Err(), "process %d hasn't ended", supervisor.PID)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// holder is the process whose number the lock file holds.
func (c *Client) holder() proc.Identity {
	text, err := os.ReadFile(c.run + "/lock")
	if err != nil {
		return proc.Identity{}
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return proc.Identity{}
	}
	return proc.Identify(pid)
}

func (c *Client) call(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, nil)
	if err != nil {
		return err
	}
	r, err := c.http.Do(req)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return errcode.New(errcode.DataDirMissing, "Start it with `reeve devnet up`, or name its directory with --data-dir.", nil, "no network runs in %s", strings.TrimSuffix(c.run, "/run"))
	}
	if err != nil {
		return fmt.Errorf("asking the supervisor: %w", err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		var t trouble
		if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
			return fmt.Errorf("the supervisor answers %s", r.Status)
		}
		if t.ID == 0 {
			return errors.New(t.What)
		}
		return errcode.New(t.ID, t.Do, nil, "%s", t.What)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(r.Body).Decode(into)
}
