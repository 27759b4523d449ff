package config

import (
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
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), toml.Parser()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	values := k.All()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !c.schema.known(key) {
			return fmt.Errorf("%s: unknown key %s%s", path, key, c.schema.suggestion(key))
		}
		c.set(key, values[key], "file "+path)
	}
	return nil
}
