package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/services"
)

// scale is how many instances a node runs of a part, by the name of its process, where that is more than one.
type scale map[string]int

// maxInstances is how many of one part a node may run: each is a process with memory of its own.
const maxInstances = 16

// maxScale bounds the file, in bytes.
const maxScale = 4096

// readScale reads what Scale wrote. A node without the file runs one of each.
func readScale(h datadir.Node) (scale, error) {
	text, err := disk.ReadFile(disk.OS{}, h.Scale(), maxScale)
	if errors.Is(err, fs.ErrNotExist) {
		return scale{}, nil
	}
	s := scale{}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return nil, errcode.New(errcode.DataDirBroken, "Remove it: then the node runs one instance of each part.", err,
			"%s can't be read", h.Scale())
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if _, err := scalable(name, s[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", h.Scale(), err)
		}
	}
	return s, nil
}

func (s scale) write(h datadir.Node) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := disk.Replace(disk.OS{}, h.Scale(), append(text, '\n'), 0o644); err != nil {
		return broken(h.Dir, err)
	}
	return nil
}

// scaleOf is that of a node.
func (n *Network) scaleOf(node string) scale {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.scales[node]
}

func (n *Network) rescale(node string, s scale) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.scales[node] = s
}

// scalable finds the part of which a node is to run so many instances, or says why it can't.
func scalable(name string, count int) (part.Part, error) {
	p, err := services.Parts().Find(name)
	switch {
	case err != nil:
		return p, err
	case p.Outside:
		return p, errcode.New(errcode.BadUsage, "", nil, "%s isn't run by the node: start as many of it as you like",
			p.Name())
	case count < 1 || count > maxInstances:
		return p, errcode.New(errcode.BadUsage, "", nil, "a node runs 1 to %d instances of a part, not %d", maxInstances,
			count)
	case count > 1 && !p.Several():
		return p, errcode.New(errcode.BadUsage, "Those that share their work: "+strings.Join(shared(), ", ")+".", nil,
			"%s is %s: a second instance wouldn't share its work, and would only wait for the first to end", p.Name(),
			broker.ClassName(max(p.Spec.Class, broker.Single)))
	}
	return p, nil
}

// shared lists the parts of which a node may run several instances.
func shared() (names []string) {
	for _, p := range services.Parts() {
		if p.Several() && !p.Outside {
			names = append(names, p.Name())
		}
	}
	return names
}

// Scale starts or stops instances of a part of a running node, until there are so many. It is remembered: the node
// starts with as many the next time.
func (n *Network) Scale(ctx context.Context, node, name string, count int) error {
	n.acting.Lock()
	defer n.acting.Unlock()
	v := n.running(node)
	if v == nil {
		return n.noSuchNode(node)
	}
	p, err := scalable(name, count)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(n.processes(node), func(q process) bool { return q.name == p.Name() }) {
		return errcode.New(errcode.NoSuchProcess,
			"`reeve devnet status` lists them. A bundled node has no processes of its parts.", nil,
			"node %s runs no %s that could have others beside it", node, p.Name())
	}
	next := maps.Clone(n.scaleOf(node))
	if next[p.Name()] = count; count == 1 {
		delete(next, p.Name())
	}
	if err := next.write(v.home); err != nil {
		return err
	}
	before := n.processes(node)
	n.rescale(node, next)
	return n.reach(ctx, v, before, n.processes(node))
}

// reach stops what is to run no more, and starts what is to run.
func (n *Network) reach(ctx context.Context, v *node, before, after []process) error {
	n.group.Stop(ctx, processNames(v.home.Name, without(before, after))...)
	for _, p := range without(after, before) {
		if err := n.group.Add(n.spec(v, p)); err != nil {
			return fmt.Errorf("node %s: %w", v.home.Name, err)
		}
	}
	return nil
}

// without are those of a list that aren't in another.
func without(list, other []process) []process {
	return slices.DeleteFunc(slices.Clone(list), func(p process) bool {
		return slices.ContainsFunc(other, func(o process) bool { return o.id == p.id })
	})
}
