package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long one command may take. A test that hangs has its own end before (goTest), which names it.
const patience = 6 * time.Minute

// tree is a copy of the tree, in which bugs are planted. It shares the caches of Go, so that only what a bug changes is
// compiled anew.
type tree struct{ dir string }

// rootOfTree is the folder that git keeps.
func rootOfTree(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return "", fmt.Errorf("bugs are planted in a copy of what git knows here; run it within a clone: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// copyTree copies every file that git knows or doesn't ignore, as it is now.
func copyTree(ctx context.Context, root string) (*tree, error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s: %w", root, err)
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return nil, err
	}
	t := &tree{dir}
	for file := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if err := t.take(root, file); err != nil && !os.IsNotExist(err) { // it was removed, and git wasn't told yet
			return nil, fmt.Errorf("copying the tree: %w", err)
		}
	}
	return t, nil
}

func (t *tree) take(root, file string) error {
	from := filepath.Join(root, file)
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	to := filepath.Join(t.dir, file)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}

func (t *tree) close() error { return os.RemoveAll(t.dir) }

func (t *tree) read(file string) (string, error) {
	data, err := os.ReadFile(filepath.Join(t.dir, file))
	return string(data), err
}

// plant plants a bug, and returns what takes it out again.
func (t *tree) plant(b *bug) (heal func() error, err error) {
	files, err := b.plant(t.read)
	if err != nil {
		return nil, err
	}
	healthy := map[string]string{}
	for file := range files {
		if healthy[file], err = t.read(file); err != nil {
			return nil, err
		}
	}
	return func() error { return t.write(healthy) }, t.write(files)
}

func (t *tree) write(files map[string]string) error {
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(t.dir, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// goes runs go in the copy. Whatever it has started ends with it.
func (t *tree) goes(ctx context.Context, args ...string) (output string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = t.dir
	// With -trimpath what is compiled doesn't depend on where the copy is, so the next run finds it in the cache.
	c.Env = append(os.Environ(), "GOFLAGS=-trimpath", "PWD="+t.dir)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err = c.Run()
	return out.String(), err
}
