package config

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/reevenet/reeve/internal/store/disk"
)

// Write creates a node's settings file with the values that are given, by key; the rest has its default. The file is
// there whole and durably, or as it was.
func (s Schema) Write(path string, values map[string]any) error {
	for key := range values {
		if !s.known(key) {
			return fmt.Errorf("unknown key %s%s", key, s.suggestion(key))
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Settings of node %s. `reeve config view --origin` lists all of them and where each value comes from.\n", values["name"])
	section := ""
	for _, setting := range s.Settings() {
		v, given := values[setting.Key]
		if !given {
			continue
		}
		table, key, nested := strings.Cut(setting.Key, ".")
		if !nested {
			table, key = "", setting.Key
		}
		if table != section {
			section = table
			fmt.Fprintf(&b, "\n[%s]\n", table)
		}
		fmt.Fprintf(&b, "%s = %s\n", key, literal(v))
	}
	return disk.Replace(disk.OS{}, path, b.Bytes(), 0o644)
}

// literal is a value as TOML writes it.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case []string:
		quoted := make([]string, len(v))
		for i, s := range v {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return fmt.Sprint(v)
}
