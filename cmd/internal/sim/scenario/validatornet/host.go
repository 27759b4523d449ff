package validatornet

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// CrashLoop is how many deaths of a plugin make its host give up.
const CrashLoop = 5

// Host is what one node has of a chain, over all starts of its VM host: the database, and the plugin while one runs.
type Host struct {
	// New makes the VM.
	New func() vmsdk.VM
	// Durable is called when something has become durable in the database.
	Durable func(database.Database)

	DB      *memdb.DB
	Process *sim.Incarnation // of the last start; nil: there was none
	Crashes int              // of its plugins, since then
	plugin  *plugin          // nil while none runs
}

// NewHost is for a node. A power cut takes from the database what wasn't synced.
func NewHost(n *sim.Node, vm func() vmsdk.VM, durable func(database.Database)) *Host {
	h := &Host{New: vm, Durable: durable, DB: memdb.New()}
	n.OnPowerCut(h.DB.Crash)
	return h
}

// Spec is the VM host's, for one start.
func (h *Host) Spec(i *sim.Incarnation, c genesis.Chain) subsystem.Spec {
	h.Process, h.Crashes, h.plugin = i, 0, nil
	return vmhost.Spec(vmhost.Config{
		NetworkID: Number, Chain: c.Name, ChainID: c.ID, NodeID: i.Node.ID,
		Genesis: func() ([]byte, error) { return c.Genesis, nil },
		OpenDB: func() (database.Database, error) {
			db := &watched{Database: h.DB.Open(), durable: h.Durable}
			i.OnEnd(func(bool) { _ = db.Close() }) // a handle in memory
			return db, nil
		},
		Launcher: h,
		Limits:   vmhost.Limits{Start: unhurried, BlockCall: unhurried, AppCall: unhurried, CrashLoop: CrashLoop},
	})
}

// Launch starts the VM as a Go value: Host is its own launcher.
func (h *Host) Launch(r launch.Request) (launch.Plugin, error) {
	vm := h.New()
	p, err := launch.InProcess{New: func() vmsdk.VM { return vm }, CacheSize: 1 << 20}.Launch(r)
	if err != nil {
		return nil, err
	}
	h.plugin = &plugin{Plugin: p, vm: vm, host: h}
	return h.plugin, nil
}

// Crash ends the plugin, if one runs.
func (h *Host) Crash() (crashed bool) {
	if h.plugin == nil || !h.Process.Alive() {
		return false
	}
	h.Crashes++
	h.plugin.Kill()
	return true
}

// GaveUp tells whether the host runs and starts no plugin any more: somebody has to start it again.
func (h *Host) GaveUp() bool { return h.Process != nil && h.Process.Alive() && h.Crashes >= CrashLoop }

// Serves tells whether the VM can be asked.
func (h *Host) Serves() bool { return h.plugin != nil && h.Process.Responsive() }

// Plugin is the running one, for calls beside the host's; nil: none runs.
func (h *Host) Plugin() launch.Plugin {
	if !h.Serves() {
		return nil
	}
	return h.plugin
}

// Answer is what the VM's HTTP handler answers. The code is zero when nobody serves it.
type Answer struct {
	Code   int
	Body   bytes.Buffer
	header http.Header
}

func (a *Answer) Header() http.Header         { return a.header }
func (a *Answer) WriteHeader(code int)        { a.Code = code }
func (a *Answer) Write(b []byte) (int, error) { return a.Body.Write(b) }

// Call is a user's request to the VM's own HTTP handler.
func (h *Host) Call(method, path string, body []byte) (a Answer) {
	a.header = http.Header{}
	if !h.Serves() {
		return a
	}
	routes, err := h.plugin.vm.CreateHandlers(context.Background())
	if err != nil {
		return a
	}
	request, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		return a
	}
	routes[""].ServeHTTP(&a, request)
	return a
}

// plugin is a running one. Its host forgets it when it ends.
type plugin struct {
	launch.Plugin
	vm   vmsdk.VM
	host *Host
}

func (p *plugin) Kill() {
	p.forget()
	p.Plugin.Kill()
}

func (p *plugin) Stop(limit time.Duration) {
	p.forget()
	p.Plugin.Stop(limit)
}

func (p *plugin) forget() {
	if p.host.plugin == p {
		p.host.plugin = nil
	}
}

// watched is a chain's database, of which somebody is told when something has become durable.
type watched struct {
	database.Database
	durable func(database.Database)
}

func (w *watched) Write(ctx context.Context, b *database.Batch, d database.Durability) error {
	err := w.Database.Write(ctx, b, d)
	if err == nil && d == database.Sync {
		w.durable(w.Database)
	}
	return err
}
