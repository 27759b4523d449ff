package devnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// Add makes one more node, which follows the chains without a vote, and starts it. It returns its name.
func (n *Network) Add() (string, error) {
	n.acting.Lock()
	defer n.acting.Unlock()
	names, err := n.Names()
	if err != nil {
		return "", err
	}
	index := 0
	for _, name := range names {
		if i, ok := indexOf(name); ok && i >= index {
			index = i + 1
		}
	}
	ports, settings, err := n.firstNode(names)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("v%d", index+1)
	err = assemble(n.Home, nil, func(a *assembly) error {
		_, err := a.node(name, index, ports, settings)
		return err
	})
	if err != nil {
		return "", assembled(n.Home, err)
	}
	return name, n.start(name)
}

// firstNode tells where the network's ports begin, and what its first node was told that another one must be told too.
func (n *Network) firstNode(names []string) (Ports, map[string]any, error) {
	for _, name := range names {
		index, ok := indexOf(name)
		if !ok {
			continue
		}
		c, err := n.Settings(n.Home.Node(name))
		if err != nil {
			return Ports{}, nil, err
		}
		_, text, err := net.SplitHostPort(c.HTTP.Listen)
		if err != nil {
			return Ports{}, nil, err
		}
		port, err := strconv.Atoi(text)
		settings := c.Written()
		delete(settings, "name")
		for key := range c.Listens() {
			delete(settings, key)
		}
		return Ports{Base: port - 10*index}, settings, err
	}
	return Ports{}, nil, errcode.New(errcode.NoSuchNode, "", nil,
		"%s holds no node that was made by `reeve devnet up`", n.Home.Dir)
}

// indexOf is the number in a name that Create or Add gave.
func indexOf(name string) (int, bool) {
	i, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
	return i - 1, err == nil && i > 0 && name == fmt.Sprintf("v%d", i)
}

// Remove stops a node and deletes its directory. A validator of the genesis can't be removed: the others would count
// its stake for ever.
func (n *Network) Remove(ctx context.Context, name string) error {
	h := n.Home.Node(name)
	if _, err := os.Stat(h.Config()); err != nil || filepath.Base(h.Dir) != name {
		return n.noSuchNode(name)
	}
	if _, isValidator := n.Genesis.Validator(datadir.NodeID(h)); isValidator {
		return errcode.New(errcode.BadUsage, "Stop it with `reeve devnet node stop "+name+"`.", nil,
			"%s is a validator of the genesis and can't be removed", name)
	}
	if n.running(name) != nil {
		if err := n.Stop(ctx, name); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(h.Dir); err != nil {
		return broken(h.Dir, err)
	}
	return nil
}
