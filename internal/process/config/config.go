// Package config reads a node's settings. Each has one name: http.listen in the file, --http-listen on the command line,
// REEVE_HTTP_LISTEN in the environment. The command line wins over the environment, the environment over the file, the file
// over the default, and Origins remembers which it was. A key that the file has and this program doesn't know is an error,
// because a setting that is silently ignored is worse than a node that doesn't start.
package config

import (
	"fmt"
	"net"
	"slices"
	"time"
)

// Config is one node's settings.
type Config struct {
	Name    string  `koanf:"name"`
	HTTP    HTTP    `koanf:"http"`
	P2P     P2P     `koanf:"p2p"`
	Metrics Metrics `koanf:"metrics"`
	VM      VM      `koanf:"vm"`
	Log     Log     `koanf:"log"`
	Drain   Drain   `koanf:"drain"`
}

// HTTP is the door for clients of the chains.
type HTTP struct {
	Listen string   `koanf:"listen"`
	Hosts  []string `koanf:"hosts"` // names by which it may be called; a browser page elsewhere can't rebind its name to us
}

// P2P is the door for other nodes.
type P2P struct {
	Listen string   `koanf:"listen"`
	Peers  []string `koanf:"peers"` // multiaddrs with the node's identity, beside the addresses of the genesis
	QUIC   bool     `koanf:"quic"`
}

// Metrics is the door for monitoring.
type Metrics struct {
	Listen string `koanf:"listen"`
}

// VM says where plugins are.
type VM struct {
	PluginDir string `koanf:"plugin-dir"`
	SHA256    string `koanf:"sha256"` // the plugin's checksum in hexadecimal; empty means any
}

// Log says what the processes write.
type Log struct {
	Level string `koanf:"level"`
}

// Drain is the time that a stopping part has for what it has begun.
type Drain struct {
	Timeout time.Duration `koanf:"timeout"`
}

// Check returns the first value that can't work, by its name in the file.
func (c *Config) Check() error {
	for _, a := range [][2]string{{"http.listen", c.HTTP.Listen}, {"p2p.listen", c.P2P.Listen}, {"metrics.listen", c.Metrics.Listen}} {
		if _, _, err := net.SplitHostPort(a[1]); err != nil {
			return fmt.Errorf("%s is %q, it should be an address such as 127.0.0.1:9650", a[0], a[1])
		}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		return fmt.Errorf("log.level is %q, it should be debug, info, warn or error", c.Log.Level)
	}
	if c.Drain.Timeout <= 0 {
		return fmt.Errorf("drain.timeout is %v, it should be a time such as 5s", c.Drain.Timeout)
	}
	if n := len(c.VM.SHA256); n != 0 && n != 64 {
		return fmt.Errorf("vm.sha256 has %d characters, it should have 64 hexadecimal digits", n)
	}
	return nil
}
