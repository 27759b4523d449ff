package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/operator"
)

// drainTimeout is how long processes may take to finish what they have begun before they are killed.
const drainTimeout = 7 * time.Second

// callers bounds the connections to a supervisor: whoever runs as its user can connect, and take its descriptors.
const callers = 128

// Control serves the commands of those who have the operator's key on a unix socket in run: status, down, and changes of
// the network while it runs. Down is called when somebody asks for the end.
type Control struct {
	network *Network
	server  *httpdoor.Door
}

// trouble is an error on its way through the socket.
type trouble struct {
	ID   errcode.ID `json:"id"`
	What string     `json:"what"`
	Do   string     `json:"do"`
}

// Serve begins to answer. Close must be called.
func (n *Network) Serve(run string, down func()) (*Control, error) {
	path := controlSocket(run)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of a supervisor that was killed; the lock says that it's gone
		return nil, broken(run, err)
	}
	key, err := operator.MakeKey(path)
	if err != nil {
		return nil, broken(run, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, broken(run, err)
	}
	c := &Control{network: n}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", c.onStatus)
	mux.HandleFunc("POST /down", func(w http.ResponseWriter, _ *http.Request) { down(); reply(w, nil, nil) })
	mux.HandleFunc("POST /nodes", c.onAdd)
	mux.HandleFunc("DELETE /nodes/{node}", c.onNode(n.Remove))
	mux.HandleFunc("POST /nodes/{node}/stop",
		c.onNode(func(ctx context.Context, name string) error { return n.Stop(ctx, name) }))
	mux.HandleFunc("POST /nodes/{node}/start",
		c.onNode(func(_ context.Context, name string) error { return n.Start(name) }))
	mux.HandleFunc("POST /nodes/{node}/processes/{process}/restart", c.onRestart)
	mux.HandleFunc("POST /nodes/{node}/processes/{process}/substitute", c.onSubstitute)
	mux.HandleFunc("POST /nodes/{node}/processes/{process}/scale", c.onScale)
	c.server = httpdoor.New(key.Guard(mux), httpdoor.Places{Connections: callers}, n.log)
	go c.hear(l)
	return c, nil
}

// hear answers until Close.
func (c *Control) hear(l net.Listener) {
	if err := c.server.Serve(l); !errors.Is(err, http.ErrServerClosed) && c.network.Deaf != nil {
		c.network.Deaf(err)
	}
}

// answerTimeout is how long the end waits for answers on their way: who asked for it wants to hear that it was heard.
const answerTimeout = time.Second

// Close stops answering, when what was asked has been answered, and removes the socket.
func (c *Control) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	if c.server.Shutdown(ctx) == nil {
		return nil
	}
	return c.server.Close()
}

func controlSocket(run string) string { return datadir.Socket(run, "supervisor") }

func (c *Control) onStatus(w http.ResponseWriter, r *http.Request) {
	s, err := c.network.Status(r.Context())
	reply(w, s, err)
}

func (c *Control) onAdd(w http.ResponseWriter, _ *http.Request) {
	name, err := c.network.Add()
	reply(w, name, err)
}

func (c *Control) onNode(do func(ctx context.Context, name string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), drainTimeout)
		defer cancel()
		reply(w, nil, do(ctx, r.PathValue("node")))
	}
}

func (c *Control) onRestart(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), drainTimeout)
	defer cancel()
	reply(w, nil, c.network.Restart(ctx, r.PathValue("node"), r.PathValue("process")))
}

func (c *Control) onScale(w http.ResponseWriter, r *http.Request) {
	count, err := strconv.Atoi(r.FormValue("instances"))
	if err != nil {
		reply(w, nil, errcode.New(errcode.BadUsage, "", err, "it isn't said how many instances there shall be"))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), drainTimeout)
	defer cancel()
	reply(w, nil, c.network.Scale(ctx, r.PathValue("node"), r.PathValue("process"), count))
}

// substitution asks for another process in the place of one, for as long as the asker stays.
type substitution struct {
	Why     string   `json:"why"`
	Command []string `json:"command"`
}

func (c *Control) onSubstitute(w http.ResponseWriter, r *http.Request) {
	var s substitution
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAnswer)).Decode(&s); err != nil {
		reply(w, nil, errcode.New(errcode.BadUsage, "", err, "it isn't said what is to run"))
		return
	}
	begun := false
	err := c.network.Substitute(r.Context(), r.PathValue("node"), r.PathValue("process"), s.Why, s.Command, func() {
		begun = true
		reply(w, true, nil)
		http.NewResponseController(w).Flush() //nolint:errcheck // the client is gone, which ends it
	})
	if !begun {
		reply(w, nil, err)
	}
}

func reply(w http.ResponseWriter, value any, err error) {
	if err == nil {
		json.NewEncoder(w).Encode(value) //nolint:errcheck // the client is gone
		return
	}
	t := trouble{What: err.Error()}
	if e, ok := errors.AsType[*errcode.Error](err); ok {
		t = trouble{ID: e.ID, What: e.What, Do: e.Do}
		if e.Err != nil {
			t.What += ": " + e.Err.Error()
		}
	}
	w.WriteHeader(http.StatusConflict)
	json.NewEncoder(w).Encode(t) //nolint:errcheck // the client is gone
}
