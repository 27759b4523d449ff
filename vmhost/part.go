package vmhost

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/launch"
)

// Name is the subsystem's name: that of what it does for the others. Its process is the VM's host.
const (
	Name        = "vm"
	processName = "vmhost"
)

// Ports are how a node's files and processes become a database and a plugin.
type Ports struct {
	// OpenDB opens the database in a directory.
	OpenDB func(dir string, log *slog.Logger) (database.Database, error)
	// Launcher starts the plugin at path, if it has the checksum, with its sockets in runDir. An empty checksum allows any.
	Launcher func(path string, checksum []byte, runDir string) launch.Launcher
}

// settings are the host's.
type settings struct {
	PluginDir string `koanf:"plugin-dir"`
	SHA256    string `koanf:"sha256"` // of the plugin, in hexadecimal; empty: any
}

// Part is the host as a node runs it: with the chain's database, its plugin and its socket for the gateway.
func Part(p Ports) part.Part {
	dir, _ := datadir.PluginDir() // where there is none the setting is needed
	return part.Part{
		Spec:  Spec(Config{}),
		Build: func(n part.Node, c genesis.Chain) (subsystem.Spec, error) { return build(n, c, p) },
		Settings: config.Section{Name: Name, Check: checkSettings, Settings: []config.Setting{
			{Key: "plugin-dir", Default: dir, Usage: "directory of the VM plugins"},
			{Key: "sha256", Default: "", Usage: "checksum that the plugin must have, in hexadecimal"},
		}},
		Process: part.Process{Name: processName, Tuning: tuning.Profile{Threads: tuning.PerFourCores}},
	}
}

func checkSettings(c *config.Config) error {
	var s settings
	if err := c.Section(Name, &s); err != nil {
		return err
	}
	if n := len(s.SHA256); n != 0 && n != 64 {
		return fmt.Errorf("vm.sha256 has %d characters, it should have 64 hexadecimal digits", n)
	}
	return nil
}

func build(n part.Node, chain genesis.Chain, p Ports) (subsystem.Spec, error) {
	var s settings
	if err := n.Config.Section(Name, &s); err != nil {
		return subsystem.Spec{}, err
	}
	if s.PluginDir == "" {
		return subsystem.Spec{}, errors.New("vm.plugin-dir is empty, and where this program stands can't be found out: set it")
	}
	checksum, err := hex.DecodeString(s.SHA256)
	if err != nil {
		return subsystem.Spec{}, fmt.Errorf("vm.sha256: %w", err)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(n.Config.Log.Level)); err != nil {
		return subsystem.Spec{}, fmt.Errorf("log.level: %w", err)
	}
	var count intercept.Counter
	if n.Metrics != nil {
		if count, err = CountCalls(n.Metrics); err != nil {
			return subsystem.Spec{}, err
		}
	}
	return Spec(Config{
		NetworkID: n.NetworkNumber(), Chain: chain.Name, ChainID: chain.ID, NodeID: n.ID, Genesis: chain.Genesis, LogLevel: int32(level),
		OpenDB: func() (database.Database, error) {
			return p.OpenDB(filepath.Join(n.Home.Data(Name), chain.Name), n.Log)
		},
		Launcher:   p.Launcher(filepath.Join(s.PluginDir, chain.VM), checksum, n.Home.SocketDir()),
		Count:      count,
		Tracing:    n.Tracing,
		HTTPSocket: n.ChainSocket(chain.Name),
	}), nil
}
