package devnet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// Plugin is a VM's program.
type Plugin struct {
	Dir     string
	Name    string // of the file
	builtin bool   // it stands where our own plugins are
}

// FindPlugin finds a VM's program by its path, or by its name beside reeve, and makes sure that it can be run.
func FindPlugin(nameOrPath string) (Plugin, error) {
	path, builtin, err := locate(nameOrPath)
	if err != nil {
		return Plugin{}, err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return Plugin{}, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Plugin{}, errcode.New(errcode.PluginMissing,
			"Build it (`make build` builds ours), or give its path: --vm ./build/myvm.", nil,
			"there is no VM plugin at %s", path)
	case err != nil:
		return Plugin{}, errcode.New(errcode.PluginMissing, "", err, "the VM plugin can't be used")
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return Plugin{}, errcode.New(errcode.PluginBroken, "Make it executable: chmod +x "+path, nil,
			"the VM plugin %s isn't an executable file", path)
	}
	return Plugin{Dir: filepath.Dir(path), Name: filepath.Base(path), builtin: builtin}, nil
}

// locate tells a path from the name of one of our own plugins, and a file in the current directory from both.
func locate(nameOrPath string) (path string, builtin bool, err error) {
	if strings.ContainsRune(nameOrPath, filepath.Separator) {
		return nameOrPath, false, nil
	}
	dir, err := datadir.PluginDir()
	if err != nil {
		return "", false, err
	}
	ours := filepath.Join(dir, nameOrPath)
	if _, err := os.Stat(ours); err == nil {
		return ours, true, nil
	}
	if _, err := os.Stat(nameOrPath); err == nil {
		return nameOrPath, false, nil
	}
	return ours, true, nil
}

// Chain is the name of the chain that runs the VM: kv for kvvm.
func (p Plugin) Chain() string {
	if short := strings.TrimSuffix(p.Name, "vm"); short != "" {
		return short
	}
	return p.Name
}
