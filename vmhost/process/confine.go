package process

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/vmhost/launch"
)

// What every program needs.
var (
	systemPaths = []string{"/bin", "/sbin", "/usr", "/lib", "/lib64", "/proc", "/sys", "/etc/alternatives",
		"/etc/ca-certificates", "/etc/group", "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
		"/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/etc/pki", "/etc/resolv.conf", "/etc/ssl"}
	devicePaths = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
)

// bounds are what the kernel is told. dir is the plugin's directory for sockets.
func bounds(c *launch.Confine, program, dir string) proc.Confinement {
	b := proc.Confinement{User: c.User, Memory: c.Memory, Files: c.Files, Paths: &proc.Paths{
		Write: append([]string{dir}, devicePaths...),
	}}
	for _, path := range c.Writable {
		if inside(path, c.Hidden) { // somebody has said exactly this one
			b.Paths.Write = append(b.Paths.Write, path)
		} else {
			b.Paths.Write = append(b.Paths.Write, without(path, c.Hidden)...)
		}
	}
	if c.User != nil {
		b.Processes = c.Processes
	}
	for _, path := range append(append([]string{filepath.Dir(program)}, systemPaths...), c.Readable...) {
		b.Paths.Read = append(b.Paths.Read, without(path, c.Hidden)...)
	}
	b.Paths.Read = append(b.Paths.Read, program)
	return b
}

// inside tells whether a path is in what is hidden.
func inside(path string, hidden []string) bool {
	return slices.ContainsFunc(hidden, func(h string) bool { return within(real(path), real(h)) })
}

// real is a path without links.
func real(path string) string {
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	return path
}

// without is a path, or what is in it but what is hidden: landlock opens trees, and closes nothing in them.
func without(path string, hidden []string) (open []string) {
	path = real(path)
	if inside(path, hidden) {
		return nil
	}
	if !slices.ContainsFunc(hidden, func(h string) bool { return within(real(h), path) }) {
		return []string{path}
	}
	entries, _ := os.ReadDir(path)
	for _, e := range entries {
		open = append(open, without(filepath.Join(path, e.Name()), hidden)...)
	}
	return open
}

// within tells whether path is dir, or in it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// start starts the plugin within its bounds, if it has some and this program can set them.
func (l Launcher) start(cmd *exec.Cmd, i image, dir string, log *slog.Logger) (*proc.Child, string, error) {
	if l.Confine == nil {
		child, err := proc.Start(cmd)
		return child, "nothing: vm.confine is off", err
	}
	if !proc.CanConfine() {
		log.Warn("the plugin isn't confined: this program isn't made for it")
		child, err := proc.Start(cmd)
		return child, "nothing: this program can't confine others", err
	}
	b := bounds(l.Confine, l.Path, dir)
	child, err := proc.StartConfined(cmd, b, i.copy)
	guard := describe(b)
	if proc.Landlock() == 0 {
		log.Warn("the kernel has no landlock: the plugin can read what its user can", "protected by", guard)
	}
	return child, guard, err
}

// describe says what protects the node from the plugin.
func describe(b proc.Confinement) string {
	said := []string{"no new privileges, no capabilities"}
	if proc.Seccomp() {
		said = append([]string{"seccomp"}, said...)
	} else {
		said = append(said, "no seccomp in this kernel: it can make all calls")
	}
	if v := proc.Landlock(); v > 0 {
		said = append([]string{fmt.Sprintf("landlock %d", v)}, said...)
	} else {
		said = append(said, "no landlock in this kernel: it can read what its user can")
	}
	if b.User != nil {
		said = append(said, fmt.Sprintf("user %d:%d, %d processes", b.User.Uid, b.User.Gid, b.Processes))
	}
	return strings.Join(append(said, fmt.Sprintf("%d MiB, %d files", b.Memory>>20, b.Files)), ", ")
}

// own gives files to the user as which the plugin runs.
func (l Launcher) own(paths ...string) error {
	if l.Confine == nil || l.Confine.User == nil {
		return nil
	}
	for _, path := range paths {
		if err := os.Chown(path, int(l.Confine.User.Uid), int(l.Confine.User.Gid)); err != nil {
			return err
		}
	}
	return nil
}

// uid is the user as which the plugin comes to its host.
func (l Launcher) uid() uint32 {
	if l.Confine != nil && l.Confine.User != nil {
		return l.Confine.User.Uid
	}
	return uint32(os.Getuid())
}

// base is where the directory of the plugin's sockets is made: another user may not be let into the node's.
func (l Launcher) base() string {
	if l.Confine != nil && l.Confine.User != nil {
		return ""
	}
	return l.RunDir
}
