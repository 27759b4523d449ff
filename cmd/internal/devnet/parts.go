package devnet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/services"
)

// part is one process of every node.
type part struct {
	name  string
	args  []string
	stage int // parts of a lower stage are stopped first, because they use the others
}

// parts lists a node's processes, in the order in which they are started: the overseer, then one per subsystem. The VM's
// plugin is the vmhost's child.
var parts = func() []part {
	list := []part{{"overseer", []string{"overseer"}, 2}}
	for _, s := range services.All() {
		switch s.Name {
		case "engine":
			list = append(list, part{"engine", []string{"run", "engine"}, 0})
		case "vm":
			list = append(list, part{"vmhost", []string{"vmhost"}, 1})
		default:
			list = append(list, part{s.Name, []string{"run", s.Name}, 1})
		}
	}
	return list
}()

const stages = 3

// bundle is a node in one process: the same parts, and the same bus between them.
var bundle = []part{{"node", []string{"bundle"}, 2}}

// parts lists the processes of each node of this network.
func (n *Network) parts() []part {
	if n.Bundled {
		return bundle
	}
	return parts
}

func (n *Network) inStage(stage int) (list []part) {
	for _, p := range n.parts() {
		if p.stage == stage {
			list = append(list, p)
		}
	}
	return list
}

func processName(node, part string) string { return node + "/" + part }

func partNames(node string, parts []part) []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = processName(node, p.name)
	}
	return names
}

func (n *Network) spec(v *node, p part) supervise.Spec {
	s := supervise.Spec{
		Name: processName(v.home.Name, p.name),
		Path: n.Program,
		Args: slices.Concat(p.args, []string{"--data-dir", n.Home.Dir, "--node", v.home.Name}, n.Arguments),
		Env:  n.environment(os.Environ()),
		Log:  v.home.Log(p.name),
	}
	if p.stage == 2 { // the overseer watches the others, and this process the overseer
		s.Probe = probe(v.config.Metrics.Listen)
	}
	return s
}

// single tells whether a command about one node runs it, with flags and environment of its own.
func (n *Network) single() bool { return n.Arguments != nil }

// kept lists the variables that a process of ours may read. REEVE_ variables pass only as far as they mean the same for
// every node: four nodes can't listen on one port.
var kept = []string{"PATH=", "HOME=", "TMPDIR=", "LANG=", "TZ=", "GO", "OTEL_", "SSL_CERT_", "REEVE_LOG_"}

func (n *Network) environment(all []string) (env []string) {
	if n.single() {
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

// probe asks a node's door for monitoring whether the overseer's loop turns.
func probe(listen string) func(context.Context) error {
	url := "http://" + Reachable(listen) + "/livez"
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		io.Copy(io.Discard, io.LimitReader(r.Body, maxAnswer)) //nolint:errcheck // read to the end, the connection is used again
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", r.StatusCode)
		}
		return nil
	}
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

// checkDoors makes sure that nobody else listens where the node will, so that the error is one sentence of the command and
// not a line in a log.
func checkDoors(c *config.Config) error {
	for _, address := range []string{c.HTTP.Listen, c.P2P.Listen, c.Metrics.Listen} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return errcode.CannotListen(address, err)
		}
		l.Close()
	}
	return nil
}
