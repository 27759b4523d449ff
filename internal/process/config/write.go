package config

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Write creates the node's settings file with what differs from the defaults, and a comment for each.
func Write(path string, c *Config) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Settings of node %s. `reeve config view --origin` lists all of them and where each value comes from.\n", c.Name)
	fmt.Fprintf(&b, "name = %s\n", strconv.Quote(c.Name))
	fmt.Fprintf(&b, "\n[http]\nlisten = %s\n", strconv.Quote(c.HTTP.Listen))
	if len(c.HTTP.Hosts) > 0 {
		fmt.Fprintf(&b, "hosts = %s\n", quoteAll(c.HTTP.Hosts))
	}
	fmt.Fprintf(&b, "\n[p2p]\nlisten = %s\n", strconv.Quote(c.P2P.Listen))
	if len(c.P2P.Peers) > 0 {
		fmt.Fprintf(&b, "peers = %s\n", quoteAll(c.P2P.Peers))
	}
	fmt.Fprintf(&b, "\n[metrics]\nlisten = %s\n", strconv.Quote(c.Metrics.Listen))
	if c.VM.PluginDir != "" {
		fmt.Fprintf(&b, "\n[vm]\nplugin-dir = %s\n", strconv.Quote(c.VM.PluginDir))
	}
	if c.Log.Level != "" {
		fmt.Fprintf(&b, "\n[log]\nlevel = %s\n", strconv.Quote(c.Log.Level))
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
