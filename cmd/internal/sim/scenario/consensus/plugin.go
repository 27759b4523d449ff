package consensus

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// launcher starts kvvm as a Go value for one start of its host, and lets the simulation crash it and talk to it.
type launcher struct {
	replica *replica
	process *sim.Incarnation // of the host
	crashes int
}

func (l *launcher) Launch(r launch.Request) (launch.Plugin, error) {
	vm := &kvvm.VM{}
	p, err := launch.InProcess{New: func() vmsdk.VM { return vm }, CacheSize: 1 << 20}.Launch(r)
	if err != nil {
		return nil, err
	}
	l.replica.plugin = &plugin{Plugin: p, vm: vm, replica: l.replica}
	return l.replica.plugin, nil
}

func (net *network) plugins() sim.Fault {
	return net.world.Repeated("plugin", time.Second, 10*time.Second, net.crashPlugin)
}

// crashPlugin ends some plugin.
func (net *network) crashPlugin(rng *rand.Rand) {
	c := net.chains[rng.IntN(len(net.chains))]
	r := c.replicas[rng.IntN(len(c.replicas))]
	if r.plugin == nil || !r.host.process.Alive() {
		return
	}
	net.world.Note("node %d: the plugin is killed", r.node.Index)
	*net.world.Fault("pluginCrashes")++
	r.host.crashes++
	r.plugin.Kill()
}

// operator looks after the hosts whose plugins died so often that they gave up.
type operator struct{ chain *chain }

// Start is sim.Actor.
func (operator) Start() {}

// Close starts those hosts again.
func (o operator) Close() {
	for _, r := range o.chain.replicas {
		if r.host != nil && r.host.process.Alive() && r.host.crashes >= crashLoop {
			o.chain.net.world.Note("node %d: the operator restarts the VM's host", r.node.Index)
			r.host.process.Kill()
		}
	}
}

// plugin is a running plugin. The replica forgets it when it ends.
type plugin struct {
	launch.Plugin
	vm      *kvvm.VM
	replica *replica
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
	if p.replica.plugin == p {
		p.replica.plugin = nil
	}
}

// post hands a transaction to the VM's own HTTP handler; true: it was taken.
func (r *replica) post(tx []byte) bool {
	return r.call(http.MethodPost, "/tx", tx).code == http.StatusOK
}

// serves tells whether users are answered.
func (r *replica) serves() bool { return r.plugin != nil && r.host.process.Responsive() }

// accepted asks the VM whether a transaction is in an accepted block. known: it says so or denies it, and doesn't put
// the user off until that is durable.
func (r *replica) accepted(tx vmsdk.ID) (accepted, known bool) {
	a := r.call(http.MethodGet, "/tx/"+tx.String(), nil)
	return bytes.Contains(a.body.Bytes(), []byte(`"accepted"`)), a.code != http.StatusInternalServerError
}

// call is a user's request; the code is zero when nobody serves it.
func (r *replica) call(method, path string, body []byte) (a answer) {
	a.header = http.Header{}
	if !r.serves() {
		return a
	}
	routes, err := r.plugin.vm.CreateHandlers(context.Background())
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

// answer takes what a handler answers.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(code int)        { a.code = code }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
