package vmhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/internal/store/usage"
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
	// Launcher starts the plugin.
	Launcher func(Program) launch.Launcher
}

// Program is a plugin's file, and how a node runs it.
type Program struct {
	Path string
	// Checksum is what the file must have; empty: any will do.
	Checksum []byte
	// RunDir is where its sockets are.
	RunDir string
	// Handshake is how long it may take to say where it listens.
	Handshake time.Duration
	// Confine keeps it from what isn't its business; nil: nothing does.
	Confine *launch.Confine
}

// settings are the host's. The lists name what holds for one chain as CHAIN=VALUE.
type settings struct {
	PluginDir string   `koanf:"plugin-dir"`
	Plugins   []string `koanf:"plugins"`
	SHA256    []string `koanf:"sha256"` // in hexadecimal; an entry without a chain is for all

	Handshake time.Duration `koanf:"handshake-timeout"`
	Start     time.Duration `koanf:"start-timeout"`
	Call      time.Duration `koanf:"call-timeout"`

	Confine   bool     `koanf:"confine"`
	User      string   `koanf:"user"`
	Readable  []string `koanf:"readable"`
	Writable  []string `koanf:"writable"`
	Memory    int      `koanf:"max-memory-mib"`
	Files     int      `koanf:"max-files"`
	Processes int      `koanf:"max-processes"`
	Disk      int      `koanf:"max-disk-mib"`
	DiskFiles int      `koanf:"max-disk-files"`
}

// confinement is what they say of the plugin's rights.
func (s *settings) confinement(hidden ...string) (*launch.Confine, error) {
	if min(s.Memory, s.Files, s.Processes, s.Disk, s.DiskFiles) < 0 {
		return nil, errors.New("vm.max-memory-mib, vm.max-files, vm.max-processes, vm.max-disk-mib, " +
			"vm.max-disk-files: a bound is a number from 0, which is none")
	}
	if !s.Confine {
		return nil, nil
	}
	c := &launch.Confine{
		Hidden: hidden, Readable: s.Readable, Writable: s.Writable,
		Memory: uint64(s.Memory) << 20, Files: uint64(s.Files), Processes: uint64(s.Processes),
		Disk: usage.Limit{Bytes: uint64(s.Disk) << 20, Entries: uint64(s.DiskFiles)},
	}
	if s.User == "" {
		return c, nil
	}
	user, group, named := strings.Cut(s.User, ":")
	if !named {
		group = user
	}
	uid, err := strconv.ParseUint(user, 10, 32)
	gid, bad := strconv.ParseUint(group, 10, 32)
	if err != nil || bad != nil || uid == 0 {
		return nil, fmt.Errorf("vm.user: %q should be a user's number, or USER:GROUP, and not root's", s.User)
	}
	c.User = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return c, nil
}

// plugin is the path of a chain's plugin.
func (s *settings) plugin(chain genesis.Chain) (string, error) {
	if path, ok := ofChain(s.Plugins, chain.Name); ok {
		return path, nil
	}
	if s.PluginDir == "" {
		return "", errors.New("vm.plugin-dir is empty, and where this program stands can't be found out: set it")
	}
	return filepath.Join(s.PluginDir, chain.VM), nil
}

// checksum is that of a chain's plugin; empty: any will do.
func (s *settings) checksum(chain string) ([]byte, error) {
	text, ok := ofChain(s.SHA256, chain)
	if !ok {
		return nil, nil
	}
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("vm.sha256: %q should have %d hexadecimal digits", text, 2*sha256.Size)
	}
	return sum, nil
}

// ofChain finds a chain's value in a list, or the one without a chain.
func ofChain(list []string, chain string) (value string, ok bool) {
	for _, entry := range list {
		name, v, named := strings.Cut(entry, "=")
		switch {
		case named && name == chain:
			return v, true
		case !named:
			value, ok = entry, true
		}
	}
	return value, ok
}

// Part is the host as a node runs it: with the chain's database, its plugin and its socket for the gateway.
func Part(p Ports) part.Part {
	dir, _ := datadir.PluginDir() // where there is none the setting is needed
	return part.Part{
		Spec:  Spec(Config{}),
		Build: func(n part.Node, c genesis.Chain) (subsystem.Spec, error) { return build(n, c, p) },
		Settings: config.Section{Name: Name, Check: checkSettings, Settings: []config.Setting{
			{Key: "plugin-dir", Default: dir, Usage: "directory of the VM plugins"},
			{Key: "plugins", Default: []string{}, Usage: "plugins that stand elsewhere, as CHAIN=PATH"},
			{Key: "sha256", Default: []string{},
				Usage: "checksums that the plugins must have, in hexadecimal, as CHAIN=SUM"},
			{Key: "handshake-timeout", Default: launch.HandshakeLimit.String(),
				Usage: "how long a plugin may take to say where it listens"},
			{Key: "start-timeout", Default: launch.StartLimit.String(),
				Usage: "how long a plugin may then take until it answers, migrations included"},
			{Key: "call-timeout", Default: launch.CallLimit.String(),
				Usage: "how long a plugin may take to build or judge one block before it is replaced"},
			{Key: "confine", Default: true,
				Usage: "keep plugins from the node's files and processes (landlock, seccomp, no new privileges)"},
			{Key: "user", Default: "", Usage: "number of the user that plugins run as, or USER:GROUP; only root can say so"},
			{Key: "readable", Default: []string{}, Usage: "files and directories that plugins may read besides the usual"},
			{Key: "writable", Default: []string{}, Usage: "files and directories that plugins may write"},
			{Key: "max-memory-mib", Default: 4096, Usage: "private memory that a plugin may have, in MiB; 0: no bound"},
			{Key: "max-files", Default: 4096, Usage: "descriptors that a plugin may have; 0: no bound"},
			{Key: "max-processes", Default: 512, Usage: "processes and threads of vm.user; 0: no bound"},
			{Key: "max-disk-mib", Default: 1024,
				Usage: "files of a plugin: temporary ones, those in memory, and vm.writable, in MiB; 0: no bound"},
			{Key: "max-disk-files", Default: 16384, Usage: "number of such files and directories; 0: no bound"},
		}},
		Process: part.Process{Name: processName, Tuning: tuning.Profile{Threads: tuning.PerFourCores}},
		Owns:    "the chain's database; starts and replaces the plugin",
	}
}

// engineWaits is for how long the engine waits for an answer: a call and the waiting for its turn end before that.
const engineWaits = 29 * time.Second

func checkSettings(c *config.Config) error {
	var s settings
	if err := c.Section(Name, &s); err != nil {
		return err
	}
	if _, err := s.confinement(); err != nil {
		return err
	}
	for _, limit := range []struct {
		key         string
		value, most time.Duration
	}{
		{"handshake-timeout", s.Handshake, time.Hour}, {"start-timeout", s.Start, time.Hour},
		{"call-timeout", s.Call, engineWaits - 4*time.Second},
	} {
		if limit.value < time.Second || limit.value > limit.most {
			return fmt.Errorf("vm.%s: %v should be between 1s and %v", limit.key, limit.value, limit.most)
		}
	}
	for _, entry := range s.SHA256 {
		chain, _, _ := strings.Cut(entry, "=")
		if _, err := s.checksum(chain); err != nil {
			return err
		}
	}
	for _, entry := range s.Plugins {
		if chain, path, ok := strings.Cut(entry, "="); !ok || chain == "" || path == "" {
			return fmt.Errorf("vm.plugins: %q should be CHAIN=PATH", entry)
		}
	}
	return nil
}

func build(n part.Node, chain genesis.Chain, p Ports) (subsystem.Spec, error) {
	var s settings
	if err := n.Config.Section(Name, &s); err != nil {
		return subsystem.Spec{}, err
	}
	plugin, err := s.plugin(chain)
	if err != nil {
		return subsystem.Spec{}, err
	}
	checksum, err := s.checksum(chain.Name)
	if err != nil {
		return subsystem.Spec{}, err
	}
	hidden := []string{n.Home.Dir, n.Home.SocketDir()}
	if network := filepath.Dir(n.Home.Dir); network != "/" {
		hidden = append(hidden, network, datadir.Network{Dir: network}.SocketDir())
	}
	confine, err := s.confinement(hidden...)
	if err != nil {
		return subsystem.Spec{}, err
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
		NetworkID: n.NetworkNumber(), Chain: chain.Name, ChainID: chain.ID, NodeID: n.ID,
		Genesis:  func() ([]byte, error) { return chain.Content(filepath.Dir(n.Home.Genesis())) },
		LogLevel: int32(level),
		OpenDB: func() (database.Database, error) {
			return p.OpenDB(filepath.Join(n.Home.Data(Name), chain.Name), n.Log)
		},
		Launcher: p.Launcher(Program{
			Path: plugin, Checksum: checksum, RunDir: n.Home.SocketDir(), Handshake: s.Handshake,
			Confine: confine,
		}),
		Limits:     Limits{Start: s.Start, BlockCall: s.Call, Wait: min(waits, engineWaits-s.Call)},
		Count:      count,
		Tracing:    n.Tracing,
		HTTPSocket: n.ChainSocket(chain.Name),
	}), nil
}
