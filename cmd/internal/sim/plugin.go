package sim

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// vmLimits keep the host's deadlines, which are those of real time, out of a world in which a call takes none.
var vmLimits = vmhost.Limits{Start: time.Hour, BlockCall: time.Hour, AppCall: time.Hour, CrashLoop: crashLoop}

// crashLoop is how many deaths of a plugin make its host give up.
const crashLoop = 5

// launcher starts kvvm as a Go value, and lets the simulation crash it and talk to it.
type launcher struct {
	node        *node
	incarnation *incarnation
}

// Launch is launch.Launcher.Launch.
func (k launcher) Launch(r launch.Request) (launch.Plugin, error) {
	vm := &kvvm.VM{}
	p, err := launch.InProcess{New: func() vmsdk.VM { return vm }, CacheSize: 1 << 20}.Launch(r)
	if err != nil {
		return nil, err
	}
	w := &plugin{Plugin: p, node: k.node, vm: vm}
	k.node.vm, k.node.crash = vm, func() {
		if k.incarnation.alive {
			k.incarnation.crashes++
			w.Kill()
		}
	}
	return w, nil
}

// plugin forgets the VM when it ends.
type plugin struct {
	launch.Plugin
	node *node
	vm   *kvvm.VM
}

// Kill is launch.Plugin.Kill.
func (p *plugin) Kill() {
	p.forget()
	p.Plugin.Kill()
}

// Stop is launch.Plugin.Stop.
func (p *plugin) Stop(limit time.Duration) {
	p.forget()
	p.Plugin.Stop(limit)
}

func (p *plugin) forget() {
	if p.node.vm == p.vm {
		p.node.vm, p.node.crash = nil, nil
	}
}

// post hands a transaction to the VM's own HTTP handler; true: it was taken.
func (n *node) post(tx []byte) bool { return n.call(http.MethodPost, "/tx", tx).code == http.StatusOK }

// accepted asks the VM whether a transaction is in an accepted block.
func (n *node) accepted(tx vmsdk.ID) bool {
	a := n.call(http.MethodGet, "/tx/"+tx.String(), nil)
	return bytes.Contains(a.body.Bytes(), []byte(`"accepted"`))
}

// call is a user's request; the code is zero when nobody serves it.
func (n *node) call(method, path string, body []byte) (a answer) {
	a.header = http.Header{}
	if l := n.running("vm"); n.vm == nil || l == nil || l.hung {
		return a
	}
	routes, err := n.vm.CreateHandlers(context.Background())
	if err != nil {
		return a
	}
	r, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		return a
	}
	routes[""].ServeHTTP(&a, r)
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
