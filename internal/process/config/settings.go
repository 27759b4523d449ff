package config

import "strings"

// Setting is one line of the table that flags, environment, defaults and documentation are made from.
type Setting struct {
	Key     string // in the file
	Default any
	Usage   string
}

// Settings lists every setting there is.
var Settings = []Setting{
	{"name", "", "the node's name in logs and tables (default: its directory's name)"},
	{"http.listen", "127.0.0.1:9650", "address for clients: chains, health, information"},
	{"http.hosts", []string{"localhost", "127.0.0.1", "::1"}, "host names by which clients may call it; * allows any"},
	{"p2p.listen", "127.0.0.1:9651", "address for other nodes"},
	{"p2p.peers", []string{}, "more peers to dial, as multiaddrs that end in /p2p/<id>"},
	{"p2p.quic", false, "also speak QUIC, on the same port number"},
	{"metrics.listen", "127.0.0.1:9464", "address for metrics and health"},
	{"vm.plugin-dir", "", "directory of the VM plugins (default: plugins beside the reeve program)"},
	{"vm.sha256", "", "checksum that the plugin must have, in hexadecimal"},
	{"log.level", "info", "debug, info, warn or error"},
	{"drain.timeout", "5s", "how long a stopping part may take to finish what it has begun"},
}

var twin = strings.NewReplacer(".", "_", "-", "_")

// Env is the name of the setting in the environment: REEVE_HTTP_LISTEN.
func (s Setting) Env() string { return EnvName(s.Key) }

// Flag is the name of the setting on the command line: http-listen.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Key, ".", "-") }

// EnvName is the environment's twin of a flag or key.
func EnvName(flag string) string { return "REEVE_" + strings.ToUpper(twin.Replace(flag)) }
