package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/services"
)

// isSetting marks the flags that internal/process/config reads itself.
const isSetting = "reeve_setting"

// nodeFlags are the flags of commands about one node: which one, and its settings.
type nodeFlags struct {
	app  *app
	name string
	set  *pflag.FlagSet
}

// nodeFlags adds --node to a command, and one flag per setting when the command runs the node.
func (a *app) nodeFlags(cmd *cobra.Command, settings bool) *nodeFlags {
	n := &nodeFlags{app: a, set: cmd.Flags()}
	cmd.Flags().StringVar(&n.name, "node", "", "name of the node (default: the only one)")
	if !settings {
		return n
	}
	for _, s := range services.Parts().Schema().Settings() {
		if s.Key == "name" {
			continue
		}
		cmd.Flags().String(s.Flag(), fmt.Sprint(s.Default), s.Usage)
		cmd.Flags().Lookup(s.Flag()).Annotations = map[string][]string{isSetting: {"true"}}
	}
	return n
}

// node is the node that the flags name.
func (n *nodeFlags) node() (datadir.Node, error) {
	net, err := n.app.network()
	if err != nil {
		return datadir.Node{}, err
	}
	nodes, err := net.Nodes()
	if err != nil {
		return datadir.Node{}, err
	}
	names := make([]string, len(nodes))
	for i, h := range nodes {
		if h.Name == n.name || n.name == "" && len(nodes) == 1 {
			return h, nil
		}
		names[i] = h.Name
	}
	switch {
	case len(nodes) == 0:
		return datadir.Node{},
			errcode.New(errcode.DataDirMissing,
				"Make one with `reeve node init`, or name the network's directory with --data-dir.", nil,
				"%s holds no node", net.Dir)
	case n.name == "":
		return datadir.Node{},
			errcode.New(errcode.BadUsage, "", nil, "say which node with --node: %s", strings.Join(names, ", "))
	}
	return datadir.Node{},
		errcode.New(errcode.NoSuchNode, "", nil, "there is no node %s, only %s", n.name, strings.Join(names, ", "))
}

// first is the node that the flags name, or the first one: for commands that any node can answer.
func (n *nodeFlags) first() (datadir.Node, error) {
	net, err := n.app.network()
	if err != nil {
		return datadir.Node{}, err
	}
	if nodes, err := net.Nodes(); err == nil && len(nodes) > 0 && n.name == "" {
		return nodes[0], nil
	}
	return n.node()
}

// load reads the node's settings from all sources.
func (n *nodeFlags) load(h datadir.Node) (*config.Config, error) {
	flags := map[string]string{}
	n.set.Visit(func(f *pflag.Flag) {
		if f.Annotations[isSetting] != nil {
			flags[f.Name] = f.Value.String()
		}
	})
	c, err := services.Parts().Schema().Load(h.Config(), flags, n.app.lookup)
	if err != nil {
		return nil, errcode.New(errcode.BadConfig,
			"Correct it; `reeve config view --origin` shows where each value comes from.", err,
			"node %s can't be configured", h.Name)
	}
	return c, nil
}

// arguments are the settings that were given on the command line, for the processes of the node.
func (n *nodeFlags) arguments() []string {
	args := []string{}
	n.set.Visit(func(f *pflag.Flag) {
		if f.Annotations[isSetting] != nil {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

func (a *app) configCommand() *cobra.Command {
	view := &cobra.Command{Use: "view", Short: "Print a node's settings", Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(view, true)
	origin := view.Flags().Bool("origin", false, "say where each value comes from")
	view.RunE = func(*cobra.Command, []string) error {
		h, err := n.first()
		if err != nil {
			return err
		}
		c, err := n.load(h)
		if err != nil {
			return err
		}
		return a.show(values(c), func(t *table) {
			for _, v := range values(c) {
				if *origin {
					t.row(v.Key, v.Value, v.Origin)
				} else {
					t.row(v.Key, v.Value)
				}
			}
		})
	}
	return noun("config", "A node's settings", view)
}

// value is one line of `reeve config view`.
type value struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
}

func values(c *config.Config) []value {
	var list []value
	for _, s := range c.Settings() {
		list = append(list, value{s.Key, c.Value(s.Key), c.Origin(s.Key)})
	}
	return list
}
