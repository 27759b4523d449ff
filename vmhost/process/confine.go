package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/internal/store/usage"
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
		Write: append(append([]string{dir}, devicePaths...), writable(c)...),
	}}
	if c.User != nil {
		b.Processes = c.Processes
	}
	for _, path := range append(append([]string{filepath.Dir(program)}, systemPaths...), c.Readable...) {
		b.Paths.Read = append(b.Paths.Read, without(path, c.Hidden)...)
	}
	b.Paths.Read = append(b.Paths.Read, program)
	return b
}

// writable is what the settings open for writing, without what of the node lies in there.
func writable(c *launch.Confine) (open []string) {
	for _, path := range c.Writable {
		if inside(path, c.Hidden) { // somebody has said exactly this one
			open = append(open, real(path))
		} else {
			open = append(open, without(path, c.Hidden)...)
		}
	}
	return open
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
func (r *runner) start() (child *proc.Child, err error) {
	l := r.launcher
	if l.Confine == nil {
		r.guard = "nothing: vm.confine is off"
		return proc.Start(r.cmd)
	}
	if !proc.CanConfine() {
		r.log.Warn("the plugin isn't confined: this program isn't made for it")
		r.guard = "nothing: this program can't confine others"
		return proc.Start(r.cmd)
	}
	b := bounds(l.Confine, l.Path, r.dir)
	r.guard = describe(b, l.Confine.Disk)
	if proc.Landlock() == 0 {
		r.log.Warn("the kernel has no landlock: the plugin can read what its user can", "protected by", r.guard)
	}
	child, err = proc.StartConfined(r.cmd, b, r.image.copy)
	if err == nil && l.Confine.Disk != (usage.Limit{}) {
		go r.watchDisk(child, append([]string{r.dir}, writable(l.Confine)...))
	}
	return child, err
}

// describe says what protects the node from the plugin.
func describe(b proc.Confinement, disk usage.Limit) string {
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
	said = append(said, fmt.Sprintf("%d MiB, %d files", b.Memory>>20, b.Files))
	if disk != (usage.Limit{}) {
		said = append(said, fmt.Sprintf("on the disk %d MiB, %d files", disk.Bytes>>20, disk.Entries))
	}
	return strings.Join(said, ", ")
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
