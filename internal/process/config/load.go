package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// Origins says, by key, where each value came from: "default", "file <path>", "environment <name>" or "flag --<name>".
type Origins map[string]string

// Load merges the sources. path may name a file that doesn't exist: everything then has its default. flags holds what was
// set on the command line, by the name of the flag; lookup reads the environment, as os.LookupEnv does.
func Load(path string, flags map[string]string, lookup func(string) (string, bool)) (*Config, Origins, error) {
	k := koanf.New(".")
	from := Origins{}
	set := func(key string, value any, origin string) {
		k.Set(key, value) //nolint:errcheck // only a strict-merge koanf returns an error
		from[key] = origin
	}
	for _, s := range Settings {
		set(s.Key, s.Default, "default")
	}
	if err := readFile(path, set); err != nil {
		return nil, nil, err
	}
	for _, s := range Settings {
		if v, ok := lookup(s.Env()); ok {
			set(s.Key, v, "environment "+s.Env())
		}
		if v, ok := flags[s.Flag()]; ok {
			set(s.Key, v, "flag --"+s.Flag())
		}
	}
	c, err := decode(k)
	if err != nil {
		return nil, nil, err
	}
	if c.Name == "" {
		c.Name = filepath.Base(filepath.Dir(path))
	}
	return c, from, c.Check()
}

func readFile(path string, set func(key string, value any, origin string)) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), toml.Parser()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	values := k.All()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !known(key) {
			return fmt.Errorf("%s: unknown key %s%s", path, key, suggestion(key))
		}
		set(key, values[key], "file "+path)
	}
	return nil
}

func known(key string) bool {
	return slices.ContainsFunc(Settings, func(s Setting) bool { return s.Key == key })
}

// suggestion names the setting whose last part is the same, which is what a misplaced key looks like.
func suggestion(key string) string {
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, s := range Settings {
		if s.Key == last || strings.HasSuffix(s.Key, "."+last) {
			return ", did you mean " + s.Key + "?"
		}
	}
	return ""
}

func decode(k *koanf.Koanf) (*Config, error) {
	var c Config
	err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: &c, TagName: "koanf", WeaklyTypedInput: true, ErrorUnused: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
	return &c, err
}
