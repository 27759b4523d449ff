package devnet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/operator"
	"github.com/reevenet/reeve/internal/process/proc"
)

// Client speaks to the process that supervises a network, or a single node.
type Client struct {
	run  string
	http *http.Client
}

// Dial returns a client for the supervisor that holds the run directory.
func Dial(run string) *Client {
	return &Client{run: run, http: operator.Client(controlSocket(run))}
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

// Scale has a node run so many instances of a part.
func (c *Client) Scale(ctx context.Context, node, part string, instances int) error {
	return c.call(ctx, http.MethodPost,
		"/nodes/"+node+"/processes/"+part+"/scale?instances="+strconv.Itoa(instances), nil)
}

// Substitute has another command run in the place of a process until ctx ends; begun is called when it does.
func (c *Client) Substitute(ctx context.Context, node, process, why string, command []string, begun func()) error {
	body, err := json.Marshal(substitution{Why: why, Command: command})
	if err != nil {
		return err
	}
	r, err := c.send(ctx, http.MethodPost, "/nodes/"+node+"/processes/"+process+"/substitute", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	var ok bool
	if err := json.NewDecoder(r.Body).Decode(&ok); err != nil {
		return fmt.Errorf("asking the supervisor: %w", err)
	}
	begun()
	io.Copy(io.Discard, r.Body) //nolint:errcheck // it ends with ctx, or with the supervisor
	return nil
}

// Down asks the supervisor to end, and returns when it has: nothing of the network runs any more then.
func (c *Client) Down(ctx context.Context) error {
	supervisor := c.Supervisor()
	if err := c.call(ctx, http.MethodPost, "/down", nil); err != nil {
		return err
	}
	for supervisor.Alive() {
		select {
		case <-ctx.Done():
			return errcode.New(errcode.TookTooLong, "It may still be stopping; run the command again.", ctx.Err(),
				"process %d hasn't ended", supervisor.PID)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// Supervisor is the process whose number the lock file holds.
func (c *Client) Supervisor() proc.Identity {
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
	r, err := c.send(ctx, method, path, nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if into == nil {
		return nil
	}
	return json.NewDecoder(r.Body).Decode(into)
}

// send returns the answer of the supervisor if it is a good one.
func (c *Client) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, body)
	if err != nil {
		return nil, err
	}
	r, err := c.http.Do(req)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, errcode.New(errcode.DataDirMissing,
			"Start it with `reeve devnet up`, or name its directory with --data-dir.", nil, "no network runs in %s",
			strings.TrimSuffix(c.run, "/run"))
	}
	if err != nil {
		return nil, fmt.Errorf("asking the supervisor: %w", err)
	}
	if r.StatusCode == http.StatusOK {
		return r, nil
	}
	defer r.Body.Close()
	var t trouble
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		return nil, fmt.Errorf("the supervisor answers %s", r.Status)
	}
	if t.ID == 0 {
		return nil, errors.New(t.What)
	}
	return nil, errcode.New(t.ID, t.Do, nil, "%s", t.What)
}
