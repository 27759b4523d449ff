package config

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one line of the table that flags, environment, defaults and documentation are made from.
type Setting struct {
	Key     string // in the file
	Default any    // a string, a list of strings, a boolean or a number
	Usage   string
	// Listens marks an address that the node listens at. It must have host and port, and the nodes of a network on one
	// machine get ports of their own, as far from each other as the defaults are.
	Listens bool
}

// Section is what one part of a node can be told. A part declares it and reads it with Config.Section.
type Section struct {
	Name     string
	Settings []Setting // with keys below the section's name: listen, where the file has p2p.listen in all
	// Check returns the first value that can't work, by its key; nil: there is nothing to check.
	Check func(*Config) error
}

// drainDefault is well below the time after which a process that is asked to stop is killed.
const drainDefault = 5 * time.Second

// own are the settings of the node as such, which no part declares.
var own = []Setting{
	{Key: "name", Default: "", Usage: "the node's name in logs and tables (default: its directory's name)"},
	{Key: "http.listen", Default: "127.0.0.1:9650", Usage: "address for clients: chains, health, information",
		Listens: true},
	{Key: "http.hosts", Default: []string{"localhost", "127.0.0.1", "::1"},
		Usage: "host names by which clients may call it; * allows any"},
	{Key: "http.connections", Default: 2048,
		Usage: "connections of clients, as far as file descriptors allow; half as many may be at a request"},
	{Key: "http.connections-per-address", Default: 512,
		Usage: "so many of them of one address; more where all clients come through one proxy"},
	{Key: "http.calls-per-second", Default: 500,
		Usage: "calls of one address that are passed on to chains, in a second; 0: as many as come"},
	{Key: "metrics.listen", Default: "127.0.0.1:9464", Usage: "address for metrics and health", Listens: true},
	{Key: "log.level", Default: "info", Usage: "debug, info, warn or error"},
	{Key: "drain.timeout", Default: drainDefault.String(),
		Usage: "how long a stopping part may take to finish what it has begun"},
}

// Schema is every setting that a node has: its own, and its parts' sections.
type Schema []Section

// Settings lists them all, the node's own first.
func (s Schema) Settings() []Setting {
	list := own[:len(own):len(own)]
	for _, section := range s {
		for _, setting := range section.Settings {
			setting.Key = section.Name + "." + setting.Key
			list = append(list, setting)
		}
	}
	return list
}

func (s Schema) known(key string) bool {
	return slices.ContainsFunc(s.Settings(), func(setting Setting) bool { return setting.Key == key })
}

// suggestion names the setting whose last part is the same, which is what a misplaced key looks like.
func (s Schema) suggestion(key string) string {
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, setting := range s.Settings() {
		if setting.Key == last || strings.HasSuffix(setting.Key, "."+last) {
			return ", did you mean " + setting.Key + "?"
		}
	}
	return ""
}

var twin = strings.NewReplacer(".", "_", "-", "_")

// Env is the name of the setting in the environment: REEVE_HTTP_LISTEN.
func (s Setting) Env() string { return EnvName(s.Key) }

// Flag is the name of the setting on the command line: http-listen.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Key, ".", "-") }

// EnvName is the environment's twin of a flag or key.
func EnvName(flag string) string { return "REEVE_" + strings.ToUpper(twin.Replace(flag)) }

// typed is a text from the command line or the environment as the type that the setting's default has. What can't be
// converted stays a text, and decoding says what is wrong with it.
func (s Setting) typed(text string) any {
	switch s.Default.(type) {
	case []string:
		return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
	case bool:
		if v, err := strconv.ParseBool(text); err == nil {
			return v
		}
	case int:
		if v, err := strconv.Atoi(text); err == nil {
			return v
		}
	}
	return text
}
