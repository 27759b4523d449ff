// Package config reads a node's settings. Each has one name: http.listen in the file, --http-listen on the command
// line, REEVE_HTTP_LISTEN in the environment. The command line wins over the environment, the environment over the
// file, the file over the default, and Origin remembers which it was. A key that the file has and nobody has declared
// is an error, because a setting that is silently ignored is worse than a node that doesn't start.
//
// What concerns the node as such stands here. Each part of the node declares a Section of its own and reads it with
// Config.Section; this package knows none of them.
package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/v2"
)

// Config is one node's settings.
type Config struct {
	Name    string  `koanf:"name"`
	HTTP    HTTP    `koanf:"http"`
	Metrics Metrics `koanf:"metrics"`
	Log     Log     `koanf:"log"`
	Drain   Drain   `koanf:"drain"`

	schema Schema
	values *koanf.Koanf
	from   map[string]string // by key
}

// HTTP is where clients of the chains reach the node.
type HTTP struct {
	Listen string `koanf:"listen"`
	// names by which it may be called; a browser page elsewhere can't rebind its name to us
	Hosts []string `koanf:"hosts"`
	// how many connections there may be, and of one address
	Connections int `koanf:"connections"`
	PerAddress  int `koanf:"connections-per-address"`
	// how many calls of one address are passed on to chains in a second; 0: as many as come
	CallsPerS int `koanf:"calls-per-second"`
}

// Metrics is where monitoring reaches the node.
type Metrics struct {
	Listen string `koanf:"listen"`
}

// Log says what the processes write.
type Log struct {
	Level string `koanf:"level"`
}

// Drain is the time that a stopping part has for what it has begun.
type Drain struct {
	Timeout time.Duration `koanf:"timeout"`
}

// Section reads the section called name into a struct whose fields are tagged as in `koanf:"listen"`.
func (c *Config) Section(name string, into any) error {
	if err := decode(c.values, name, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Settings lists every setting that this node has.
func (c *Config) Settings() []Setting { return c.schema.Settings() }

// Value is the value of the setting with that key; nil when there is none.
func (c *Config) Value(key string) any { return c.values.Get(key) }

// Origin says where the value of a key came from: "default", "file <path>", "environment <name>" or "flag --<name>".
func (c *Config) Origin(key string) string { return c.from[key] }

// Written lists the values that stand in the file, by key.
func (c *Config) Written() map[string]any {
	list := map[string]any{}
	for key, from := range c.from {
		if strings.HasPrefix(from, "file ") {
			list[key] = c.Value(key)
		}
	}
	return list
}

// Listens lists the addresses that the node listens at, by key.
func (c *Config) Listens() map[string]string {
	list := map[string]string{}
	for _, s := range c.Settings() {
		if s.Listens {
			list[s.Key] = c.values.String(s.Key)
		}
	}
	return list
}

// check returns the first value that can't work, by its name in the file.
func (c *Config) check() error {
	for _, s := range c.Settings() {
		if s.Listens && !listenable(c.values.String(s.Key)) {
			return fmt.Errorf("%s is %q, it should be an address such as %v", s.Key, c.values.String(s.Key), s.Default)
		}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		return fmt.Errorf("log.level is %q, it should be debug, info, warn or error", c.Log.Level)
	}
	if c.HTTP.Connections < 8 {
		return fmt.Errorf("http.connections is %d, it should be at least 8", c.HTTP.Connections)
	}
	if c.HTTP.PerAddress < 2 || c.HTTP.PerAddress > c.HTTP.Connections {
		return fmt.Errorf("http.connections-per-address is %d, it should be between 2 and http.connections, %d",
			c.HTTP.PerAddress, c.HTTP.Connections)
	}
	if c.HTTP.CallsPerS < 0 {
		return fmt.Errorf("http.calls-per-second is %d, it should be 0 for no bound, or more", c.HTTP.CallsPerS)
	}
	if c.Drain.Timeout <= 0 {
		return fmt.Errorf("drain.timeout is %v, it should be a time such as 5s", c.Drain.Timeout)
	}
	for _, s := range c.schema {
		if s.Check == nil {
			continue
		}
		if err := s.Check(c); err != nil {
			return err
		}
	}
	return nil
}

// listenable tells whether an address has a host, or none for all, and a port that there can be.
func listenable(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func decode(k *koanf.Koanf, path string, into any) error {
	return k.UnmarshalWithConf(path, into, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: into, TagName: "koanf", WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
}
