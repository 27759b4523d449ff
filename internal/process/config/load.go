package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// Load merges the sources. path may name a file that doesn't exist: everything then has its default. flags holds what
// was set on the command line, by the name of the flag; lookup reads the environment, as os.LookupEnv does.
func (s Schema) Load(path string, flags map[string]string, lookup func(string) (string, bool)) (*Config, error) {
	c := &Config{schema: s, values: koanf.New("."), from: map[string]string{}}
	for _, setting := range s.Settings() {
		c.set(setting.Key, setting.Default, "default")
	}
	if err := c.readFile(path); err != nil {
		return nil, err
	}
	for _, setting := range s.Settings() {
		if v, ok := lookup(setting.Env()); ok {
			c.set(setting.Key, setting.typed(v), "environment "+setting.Env())
		}
		if v, ok := flags[setting.Flag()]; ok {
			c.set(setting.Key, setting.typed(v), "flag --"+setting.Flag())
		}
	}
	if c.values.String("name") == "" {
		c.values.Set("name", filepath.Base(filepath.Dir(path))) //nolint:errcheck // see set
	}
	if err := decode(c.values, "", c); err != nil {
		return nil, err
	}
	return c, c.check()
}

// LoadFile is Load without command line and environment.
func (s Schema) LoadFile(path string) (*Config, error) {
	return s.Load(path, nil, func(string) (string, bool) { return "", false })
}

func (c *Config) set(key string, value any, origin string) {
	c.values.Set(key, value) //nolint:errcheck // only a strict-merge koanf returns an error
	c.from[key] = origin
}

func (c *Config) readFile(path string) error {
	values, err := read(path)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !c.schema.known(key) {
			return fmt.Errorf("%s: unknown key %s%s", path, key, c.schema.suggestion(key))
		}
		c.set(key, values[key], "file "+path)
	}
	return nil
}

// read returns what a settings file says, by key; nothing when there is none. A file without a byte isn't one that says
// nothing: it was cut off, and a node with the defaults would be another one than was meant.
func read(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case len(bytes.TrimSpace(text)) == 0:
		return nil, fmt.Errorf("%s is empty: restore it, or remove it to run with the defaults", path)
	}
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), toml.Parser()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k.All(), nil
}

// NameIn is the name that a settings file gives its node; empty when it gives none, or can't be read.
func NameIn(path string) string {
	values, err := read(path)
	if err != nil {
		return ""
	}
	name, _ := values["name"].(string)
	return name
}
