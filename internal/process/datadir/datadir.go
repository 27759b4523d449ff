// Package datadir knows where the files of a network and of its nodes are:
//
//	<dir>/genesis.json            what the network agrees on
//	<dir>/genesis-<chain>.bin     what a chain's VM gets of it, if that is long
//	<dir>/run/                    lock and socket of the process that supervises the network
//	<dir>/<node>/config.toml      settings
//	<dir>/<node>/scale.json       how many instances of which parts, where it is more than one
//	<dir>/<node>/keys/            identity and signing key, tokens of the bus
//	<dir>/<node>/data/<part>/     what a part must not lose
//	<dir>/<node>/data/evidence/   what was signed twice, by chain
//	<dir>/<node>/logs/<part>.log  what a part says
//	<dir>/<node>/run/*.sock       unix sockets
//
// It makes directories and nothing else. A unix socket's path may have about a hundred characters, so run directories
// of deep trees live in the system's directory for temporary files, behind a link.
package datadir

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/usage"
)

// maxRunPath leaves room for the longest socket name below it; the kernel's limit is 107 bytes in all.
const (
	maxRunPath    = 70
	maxSocketName = 107 - maxRunPath - len("/") - len(".sock")
)

// Network is the directory of one network.
type Network struct{ Dir string }

// Open returns the network at dir, as an absolute path. It touches nothing.
func Open(dir string) (Network, error) {
	abs, err := filepath.Abs(dir)
	return Network{Dir: abs}, err
}

// Genesis is the path of the genesis file.
func (n Network) Genesis() string { return filepath.Join(n.Dir, "genesis.json") }

// Run holds the network's own lock and socket.
func (n Network) Run() string { return filepath.Join(n.Dir, "run") }

// SocketDir is the run directory in its short form.
func (n Network) SocketDir() string { return filepath.Dir(Socket(n.Run(), "x")) }

// Log is the log of a network that was started in the background.
func (n Network) Log() string { return filepath.Join(n.Dir, "devnet.log") }

// Node returns the node called name.
func (n Network) Node(name string) Node { return Node{Name: name, Dir: filepath.Join(n.Dir, name)} }

// Nodes lists the nodes, in the order of their names' length and then alphabet: v2 before v10.
func (n Network) Nodes() ([]Node, error) {
	nodes, _, err := n.look()
	return nodes, err
}

// Strays lists the directories that look like nodes and are none, each with the node whose settings it holds: copies
// that somebody has put aside.
func (n Network) Strays() (map[string]string, error) {
	_, strays, err := n.look()
	return strays, err
}

// look tells nodes from strays. A node's settings hold the name of its directory, or none: a copy beside it holds the
// name of the node that it was made of.
func (n Network) look() (nodes []Node, strays map[string]string, err error) {
	files, err := filepath.Glob(filepath.Join(n.Dir, "*", "config.toml"))
	strays = map[string]string{}
	for _, f := range files {
		name := filepath.Base(filepath.Dir(f))
		if said := config.NameIn(f); strings.HasPrefix(name, ".") || said != "" && said != name {
			strays[name] = said
			continue
		}
		nodes = append(nodes, n.Node(name))
	}
	slices.SortFunc(nodes, func(a, b Node) int { return compareNames(a.Name, b.Name) })
	return nodes, strays, err
}

func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// Make creates the network's directories, durably but for those of its sockets.
func (n Network) Make() error {
	if err := (disk.OS{}).MkdirAll(n.Dir, 0o755); err != nil {
		return err
	}
	return makeRun(n.Run())
}

// Node is the directory of one node.
type Node struct {
	Name string
	Dir  string
}

// Genesis is the genesis of the network that the node belongs to.
func (n Node) Genesis() string { return filepath.Join(filepath.Dir(n.Dir), "genesis.json") }

// Config is the node's settings file.
func (n Node) Config() string { return filepath.Join(n.Dir, "config.toml") }

// Scale is the file that says of which parts the node runs several instances.
func (n Node) Scale() string { return filepath.Join(n.Dir, "scale.json") }

// Keys holds the secrets; nobody else may read it.
func (n Node) Keys() string { return filepath.Join(n.Dir, "keys") }

// Data is where the named part keeps what it must not lose.
func (n Node) Data(part string) string { return filepath.Join(n.Dir, "data", part) }

// Evidence is where the evidence against validators of a chain is kept.
func (n Node) Evidence(chain string) string { return filepath.Join(n.Dir, "data", "evidence", chain) }

// Log is the file that the named part's output goes to.
func (n Node) Log(part string) string { return filepath.Join(n.Dir, "logs", part+".log") }

// Run is the directory of the sockets.
func (n Node) Run() string { return filepath.Join(n.Dir, "run") }

// SocketDir is the run directory in its short form.
func (n Node) SocketDir() string { return filepath.Dir(n.Socket("x")) }

// Socket is the unix socket called name, in its short form.
func (n Node) Socket(name string) string { return Socket(n.Run(), name) }

// BusSocket is the name of the unix socket of the bus.
const BusSocket = "bus"

// MonitorSocket is the name of the unix socket at which an overseer answers what it answers at its door for monitoring.
const MonitorSocket = "monitor"

// Make creates the node's directories.
func (n Node) Make() error {
	if err := n.MakeFiles(); err != nil {
		return err
	}
	return makeRun(n.Run())
}

// MakeFiles creates the node's directories but that of the sockets, which belongs to the node's place. They are durable
// when it returns: what is written into one, and synced, is lost with its directory's name otherwise.
func (n Node) MakeFiles() error { return n.makeFiles(disk.OS{}) }

func (n Node) makeFiles(d disk.Disk) error {
	for _, dir := range []string{filepath.Join(n.Dir, "data"), filepath.Join(n.Dir, "logs")} {
		if err := d.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return d.MkdirAll(n.Keys(), 0o700)
}

// Socket is the path of the socket called name in the run directory. A link is followed once, and a long name is
// replaced by its hash, so that the path stays short.
func Socket(run, name string) string {
	if len(name) > maxSocketName {
		name = primitives.HashOf([]byte(name)).Short()
	}
	if target, err := os.Readlink(run); err == nil {
		run = target
	}
	return filepath.Join(run, name+".sock")
}

func makeRun(run string) error {
	if len(run) <= maxRunPath {
		return os.MkdirAll(run, 0o700)
	}
	if err := os.MkdirAll(filepath.Dir(run), 0o755); err != nil {
		return err
	}
	return linkRun(run)
}

// Clear empties a run directory whose processes have ended, of all but its lock, and removes the short directory if
// there is one. It must not be called while a process still uses it.
func Clear(run string) error {
	if target, err := os.Readlink(run); err == nil && filepath.Base(target) == shortName(run) {
		return errors.Join(usage.Remove(target), os.Remove(run))
	}
	entries, err := os.ReadDir(run)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockFile {
			continue
		}
		if err := usage.Remove(filepath.Join(run, e.Name())); err != nil { // plugins may have left there what they like
			return err
		}
	}
	return nil
}

// PluginDir is where the plugins that are built with reeve stand: beside the program.
func PluginDir() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(program), "plugins"), nil
}
