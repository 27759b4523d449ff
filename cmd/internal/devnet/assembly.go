package devnet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/disk"
)

// assembly makes nodes, and what belongs to them, aside, and puts all in its place only when it is whole. Whoever is
// interrupted leaves nothing that looks like a node: what isn't whole is made anew the next time, and what is whole is
// put in its place.
type assembly struct {
	dir   datadir.Network
	aside datadir.Network
	after func(step string) error // called after each step that changes the disk; nil: nobody wants to know
}

const (
	creating     = ".creating" // the directory aside
	completeFile = "complete"  // in it, once all else is there
)

// assemble has build make everything aside, and puts it in its place.
func assemble(dir datadir.Network, after func(string) error, build func(*assembly) error) error {
	a := &assembly{dir: dir, aside: datadir.Network{Dir: filepath.Join(dir.Dir, creating)}, after: after}
	if err := a.resume(); err != nil {
		return err
	}
	if err := (disk.OS{}).MkdirAll(a.aside.Dir, 0o700); err != nil {
		return err
	}
	if err := a.did("directory"); err != nil {
		return err
	}
	if err := build(a); err != nil {
		return err
	}
	if err := disk.Replace(disk.OS{}, filepath.Join(a.aside.Dir, completeFile), nil, 0o600); err != nil {
		return err
	}
	if err := a.did("complete"); err != nil {
		return err
	}
	return a.resume()
}

func (a *assembly) did(step string) error {
	if a.after == nil {
		return nil
	}
	return a.after(step)
}

// resume ends what was begun: it puts in its place what is whole, and removes the rest.
func (a *assembly) resume() error {
	_, err := os.Stat(filepath.Join(a.aside.Dir, completeFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := a.place(); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(a.aside.Dir); err != nil {
		return err
	}
	return a.did("cleared")
}

// place moves all that was made. The genesis comes last: a directory that has one is complete.
func (a *assembly) place() error {
	names, err := (disk.OS{}).List(a.aside.Dir)
	if err != nil {
		return err
	}
	genesis := filepath.Base(a.aside.Genesis())
	names = slices.DeleteFunc(names, func(name string) bool { return name == completeFile || name == genesis })
	if _, err := os.Stat(a.aside.Genesis()); err == nil {
		names = append(names, genesis)
	}
	for _, name := range names {
		if err := os.Rename(filepath.Join(a.aside.Dir, name), filepath.Join(a.dir.Dir, name)); err != nil {
			return err
		}
		if err := (disk.OS{}).SyncDir(a.dir.Dir); err != nil {
			return err
		}
		if err := a.did("placed " + name); err != nil {
			return err
		}
	}
	return nil
}

// Resume ends the creation of a network or a node that was interrupted, if there is one in dir.
func Resume(dir datadir.Network) error {
	a := &assembly{dir: dir, aside: datadir.Network{Dir: filepath.Join(dir.Dir, creating)}}
	if _, err := os.Stat(a.aside.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := a.resume(); err != nil {
		return broken(dir.Dir, err)
	}
	return nil
}

// vacant makes sure that a node can be made under its name.
func vacant(h datadir.Node) error {
	if _, err := os.Lstat(h.Dir); err == nil {
		return errcode.New(errcode.DataDirInUse,
			"Restore what is missing, such as genesis.json, or remove the directory if nothing in it is of use.", nil,
			"%s is there already, and belongs to no network here", h.Dir)
	}
	return nil
}
