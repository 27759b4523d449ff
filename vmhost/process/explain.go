package process

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/handshake"
)

// explain says in one sentence why a plugin didn't start, and shows what it wrote last. The library has one headline
// for several of these; what was seen of the process tells them apart.
func (l Launcher) explain(r *runner, err error) error {
	name := filepath.Base(l.Path)
	line, printed := r.first.get()
	version, shaped := parseHandshake(line)
	switch {
	case r.pid() == 0:
		return l.notStarted(name, err)
	case r.excess.Load() != nil:
		return broken(r, "", "the plugin %s was ended before it was ready: %v", name, r.cause())
	case printed && !shaped:
		return broken(r, "A plugin's standard output is for the handshake; write to standard error instead.",
			"the plugin %s printed %q to its standard output before the handshake", name, shorten(line))
	case printed && (version < handshake.MinVersion || version > handshake.MaxVersion):
		return incompatible(r, name, version)
	case !printed && ended(r):
		do := ""
		if len(r.output.last()) == 0 {
			do = "Is it a VM plugin? One says where it listens, as vmsdk.Serve does, and lives on."
		}
		return broken(r, do, "the plugin %s ended before it was ready: %v", name, r.cause())
	case !printed:
		return broken(r, "Is it a VM plugin? One says so before anything that takes long, as vmsdk.Serve does.",
			"the plugin %s didn't say within %v where it listens", name, l.handshake())
	}
	return broken(r, "", "the plugin %s can't be connected to: %v", name, err)
}

// notStarted is what the kernel said.
func (l Launcher) notStarted(name string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return permanent(errcode.PluginBroken, "Build it for this machine.", nil,
			"the plugin %s isn't a program that this machine can run", name)
	case errors.Is(err, fs.ErrNotExist):
		return permanent(errcode.PluginBroken, "A script's first line names its interpreter; install that.", nil,
			"the plugin %s needs an interpreter that isn't there", name)
	case errors.Is(err, fs.ErrPermission):
		return permanent(errcode.PluginBroken, "Look at its permissions and at the mount options of its file system.",
			nil,
			"the plugin %s may not be executed", name)
	}
	return broken(nil, "", "the plugin %s can't be started: %v", name, err)
}

func broken(r *runner, do, what string, args ...any) error {
	return &StartError{Readable: errcode.New(errcode.PluginBroken, advice(r, do), nil, what, args...)}
}

// advice adds the plugin's last lines to what to do.
func advice(r *runner, do string) string {
	if r == nil {
		return do
	}
	lines := r.output.last()
	if len(lines) == 0 {
		return do
	}
	if do != "" {
		do += "\n  "
	}
	return do + "It wrote:\n    " + strings.Join(lines, "\n    ")
}

// incompatible names both ranges. The handshake carries one version; the SDK adds its range on standard error.
func incompatible(r *runner, name string, version int) error {
	low, high := version, version
	ended(r) // so that all it wrote has been read; the library has killed it
	r.output.mu.Lock()
	if said := r.output.protocols; said[1] > 0 {
		low, high = said[0], said[1]
	}
	r.output.mu.Unlock()
	do := "Build the plugin with a newer vmsdk."
	if low > handshake.MaxVersion {
		do = "Upgrade this node."
	}
	return permanent(errcode.PluginIncompatible, do, nil, "the plugin %s speaks plugin protocol %s, this node %s",
		name, versions(low, high), versions(handshake.MinVersion, handshake.MaxVersion))
}

func versions(low, high int) string {
	if low == high {
		return strconv.Itoa(low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

// parseHandshake reads "1|version|network|address|grpc|…". The line may be anything.
func parseHandshake(line string) (version int, ok bool) {
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 4 || parts[0] != "1" {
		return 0, false
	}
	version, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0, false
	}
	return version, true
}

// ended tells whether the process ended by itself, and not because the library gave it up and had it killed.
func ended(r *runner) bool {
	select {
	case <-r.exited:
		return !r.child.Load().Exit().Killed
	case <-time.After(time.Second):
		return false
	}
}

func shorten(line string) string {
	if len(line) > 80 {
		return line[:80] + "…"
	}
	return line
}
