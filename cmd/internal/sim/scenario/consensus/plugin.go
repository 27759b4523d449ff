package consensus

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func (net *network) plugins() sim.Fault {
	return net.World.Repeated("plugin", time.Second, 10*time.Second, net.crashPlugin)
}

// crashPlugin ends some plugin.
func (net *network) crashPlugin(rng *rand.Rand) {
	c := net.chains[rng.IntN(len(net.chains))]
	r := c.replicas[rng.IntN(len(c.replicas))]
	if r.host.Crash() {
		net.World.Note("node %d: the plugin is killed", r.node.Index)
		*net.World.Fault("pluginCrashes")++
	}
}

// operator looks after the hosts whose plugins died so often that they gave up.
type operator struct{ chain *chain }

// Start is sim.Actor.
func (operator) Start() {}

// Close starts those hosts again.
func (o operator) Close() {
	for _, r := range o.chain.replicas {
		if r.host.GaveUp() {
			o.chain.net.World.Note("node %d: the operator restarts the VM's host", r.node.Index)
			r.host.Process.Kill()
		}
	}
}

// post hands a transaction to the VM's own HTTP handler; true: it was taken.
func (r *replica) post(tx []byte) bool {
	return r.host.Call(http.MethodPost, "/tx", tx).Code == http.StatusOK
}

// serves tells whether users are answered.
func (r *replica) serves() bool { return r.host.Serves() }

// knows asks the VM whether a transaction is in an accepted block. known: it says so or denies it, and doesn't put
// the user off until that is durable.
func (r *replica) knows(tx vmsdk.ID) (accepted, known bool) {
	a := r.host.Call(http.MethodGet, "/tx/"+tx.String(), nil)
	return bytes.Contains(a.Body.Bytes(), []byte(`"accepted"`)), a.Code != http.StatusInternalServerError
}
