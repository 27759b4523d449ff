package simdisk

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// names is which paths there are: those a process sees, those that a crash leaves, and the changes between the two.
type names struct {
	seen, durable map[string]*node
	unsynced      []change
}

// change is one change of a directory: a name that appears (from empty), goes away (to empty), or is replaced by
// another.
type change struct {
	dir, from, to string
	node          *node
}

func newNames() names {
	root := &node{dir: true, mode: 0o755}
	return names{seen: map[string]*node{"/": root}, durable: map[string]*node{"/": root}}
}

// file is what the name stands for.
func (n *names) file(name string) (*node, error) {
	if f := n.seen[path.Clean(name)]; f != nil {
		return f, nil
	}
	return nil, fs.ErrNotExist
}

// isDir returns an error if the name isn't that of a directory.
func (n *names) isDir(name string) error {
	if f, err := n.file(name); err != nil || f.dir {
		return err
	}
	return fs.ErrNotExist
}

func (n *names) change(from, to string, file *node) {
	c := change{dir: path.Dir(from + to), from: from, to: to, node: file}
	if from != "" {
		c.dir = path.Dir(from)
	}
	n.unsynced = append(n.unsynced, c)
	c.apply(n.seen)
}

func (c change) apply(m map[string]*node) {
	if c.from != "" {
		delete(m, c.from)
	}
	if c.to != "" {
		m[c.to] = c.node
	}
}

// sync makes durable what changed in dir.
func (n *names) sync(dir string) {
	rest := n.unsynced[:0]
	for _, c := range n.unsynced {
		if c.dir == dir {
			c.apply(n.durable)
		} else {
			rest = append(rest, c)
		}
	}
	n.unsynced = rest
}

// mkdir is durable at once, as disk.Disk promises.
func (n *names) mkdir(dir string, file *node) { n.seen[dir], n.durable[dir] = file, file }

// crash keeps some of the changes that weren't synced, from the first on, and settles every file that is left. A file
// written over in place is there under one name only, so the order of names is the order of settling.
func (n *names) crash(rng *rand.Rand) {
	for _, c := range n.unsynced[:rng.IntN(len(n.unsynced)+1)] {
		c.apply(n.durable)
	}
	n.unsynced = nil
	n.seen = maps.Clone(n.durable)
	for _, p := range slices.Sorted(maps.Keys(n.seen)) {
		n.seen[p].crash(rng)
	}
}

func (n *names) list(dir string) []string {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	var out []string
	for p := range n.seen {
		rest, ok := strings.CutPrefix(p, prefix)
		if ok && rest != "" && !strings.Contains(rest, "/") {
			out = append(out, rest)
		}
	}
	slices.Sort(out)
	return out
}

// used is the space that the files take, those without a name any more not counted.
func (n *names) used() int64 {
	var sum int64
	for _, f := range n.seen {
		sum += int64(len(f.cache))
	}
	return sum
}
