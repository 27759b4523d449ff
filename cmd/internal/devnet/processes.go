package devnet

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services"
)

// process is one process of every node.
type process struct {
	id    string // in logs and commands
	name  string
	label string // of this one of several
	args  []string
	env   []string // beside what all have
	stage part.Stage
	probe bool // nobody else watches it
}

// overseerStage is after all stages of the parts.
const overseerStage part.Stage = -1

// stages are in the order in which they are stopped.
var stages = []part.Stage{part.StopEarly, part.StopLate, overseerStage}

// single is a process of which a node has one, and which is stopped last.
func single(name, command string) process {
	return process{id: name, name: name, label: name, args: []string{command}, stage: overseerStage, probe: true}
}

// partCommand runs a part as a process.
const partCommand = "run"

// processes lists the processes of a node of this network, in the order in which they are started: the overseer, then
// those of the parts, of which there may be several. The VM's plugin is the vmhost's child. A bundled node is one
// process: the same parts, and the same bus between them.
func (n *Network) processes(node string) []process {
	if n.Bundled {
		return []process{single("node", "bundle")}
	}
	list := []process{single("overseer", "overseer")}
	for _, i := range services.Parts().Instances(n.Genesis.Chains) {
		list = append(list, partProcess(i))
		for number := 2; number <= n.scaleOf(node)[i.Name()]; number++ {
			list = append(list, partProcess(i.Numbered(number)))
		}
	}
	return list
}

func partProcess(i part.Instance) process {
	p := process{id: i.ID, name: i.Name(), label: i.Label(), args: []string{partCommand, i.Spec.Name},
		stage: i.Process.Stop}
	if i.Chain != "" {
		p.args = append(p.args, "--chain", i.Chain)
	}
	if part.IsNumbered(i.ID, i.Name()) {
		p.env = []string{subsystem.EnvInstance + "=" + i.ID}
	}
	return p
}

func (n *Network) inStage(node string, stage part.Stage) (list []process) {
	for _, p := range n.processes(node) {
		if p.stage == stage {
			list = append(list, p)
		}
	}
	return list
}

func processName(node, id string) string { return node + "/" + id }

func processNames(node string, list []process) []string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = processName(node, p.id)
	}
	return names
}

func (n *Network) spec(v *node, p process) supervise.Spec {
	s := supervise.Spec{
		Name: processName(v.home.Name, p.id),
		Path: n.Program,
		Args: slices.Concat(p.args, []string{"--data-dir", n.Home.Dir, "--node", v.home.Name}, n.Arguments),
		Env:  append(n.environment(os.Environ()), p.env...),
		Log:  v.home.Log(p.id),
	}
	if p.probe { // the overseer watches the others, and this process the overseer
		s.Probe = func(ctx context.Context) error { return Alive(ctx, v.config.Metrics.Listen) }
	}
	return s
}

// kept lists the variables that a process of ours may read. REEVE_ variables pass only as far as they mean the same for
// every node: four nodes can't listen on one port.
var kept = []string{"PATH=", "HOME=", "TMPDIR=", "LANG=", "TZ=", "GO", "OTEL_", "SSL_CERT_", "REEVE_LOG_",
	carrier.Variable + "="}

func (n *Network) environment(all []string) (env []string) {
	if n.Arguments != nil { // a command about one node runs it, with flags and environment of its own
		return all
	}
	for _, e := range all {
		for _, prefix := range kept {
			if strings.HasPrefix(e, prefix) {
				env = append(env, e)
				break
			}
		}
	}
	return env
}

// Alive asks a node's door for monitoring, which listens there, whether the overseer's loop turns.
func Alive(ctx context.Context, listen string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+Reachable(listen)+"/livez", nil)
	if err != nil {
		return err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	//nolint:errcheck // read to the end, the connection is used again
	io.Copy(io.Discard, io.LimitReader(r.Body, maxAnswer))
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", r.StatusCode)
	}
	return nil
}

// Reachable turns an address to listen on into one to dial: 0.0.0.0 is reached through the loopback device.
func Reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// checkListeners makes sure that nobody else listens where the node will, so that the error is one sentence of the
// command and not a line in a log.
func checkListeners(c *config.Config) error {
	at := c.Listens()
	for _, key := range slices.Sorted(maps.Keys(at)) {
		l, err := net.Listen("tcp", at[key])
		if err != nil {
			return errcode.CannotListen(at[key], err)
		}
		l.Close()
	}
	return nil
}
