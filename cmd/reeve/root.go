package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// app is what all commands share.
type app struct {
	out, err io.Writer
	lookup   func(string) (string, bool) // the environment
	output   string                      // table or json
	dataDir  string
}

// defaultDataDir is in the current directory, as a project's other build products are.
const defaultDataDir = ".reeve"

func (a *app) root() *cobra.Command {
	root := noun("reeve", "A blockchain validator taken apart into processes",
		a.devnetCommand(), a.nodeCommand(), a.chainCommand(), a.evidenceCommand(), a.whyCommand(), a.kvCommand(),
		a.vmCommand(), a.paraCommand(), a.svcCommand(), a.busCommand(),
		a.overseerCommand(), a.runCommand(), a.bundleCommand(), a.keysCommand(), a.configCommand(),
		a.healthcheckCommand(), a.benchCommand(), a.simCommand(), a.chaosCommand(), a.versionCommand())
	root.AddCommand(a.hostCommands()...)
	root.Long = `Reeve runs blockchain validators whose parts are processes of their own, and whose state machine is a
plugin.

Start with:  reeve devnet up      a network of four validators on this machine
             reeve kv put k v     a transaction on it

Every flag has a twin in the environment: --data-dir is REEVE_DATA_DIR. Exit codes: 0 ok, 1 error, 2 usage, 3
unreachable, 4 not ready, 5 check failed, 6 incompatible version, 7 timeout, 8 safety halt, 130 interrupted;
a node's process that can't run as it is set up ends with 9.`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "table", "how to print: table or json")
	root.PersistentFlags().StringVar(&a.dataDir, "data-dir", defaultDataDir, "directory of the network")
	root.PersistentPreRunE = a.prepare
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	return root
}

// prepare lets the environment set what the command line didn't, and checks what every command shares.
func (a *app) prepare(cmd *cobra.Command, _ []string) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Annotations[isSetting] != nil {
			return
		}
		if v, ok := a.lookup(config.EnvName(f.Name)); ok {
			if err := cmd.Flags().Set(f.Name, v); err != nil {
				failed = usage(fmt.Errorf("%s is %q: %w", config.EnvName(f.Name), v, err))
			}
		}
	})
	if failed != nil {
		return failed
	}
	a.meaningless(cmd)
	if a.output != "table" && a.output != "json" {
		return usage(fmt.Errorf("--output is %q, it should be table or json", a.output))
	}
	return nil
}

// network is the network that --data-dir names.
func (a *app) network() (datadir.Network, error) { return datadir.Open(a.dataDir) }

// noun is a command that only has commands below it.
func noun(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("%s has no command %q; %s --help lists them", cmd.CommandPath(), args[0],
					cmd.CommandPath()))
			}
			return cmd.Help()
		}}
	c.AddCommand(commands...)
	return c
}

// takes wraps a rule about arguments so that breaking it is an error of usage.
func takes(rule cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if rule(cmd, args) != nil {
			return usage(fmt.Errorf("the command is `%s`, and it was given %s",
				strings.TrimSuffix(cmd.UseLine(), " [flags]"), given(args)))
		}
		return nil
	}
}

func given(args []string) string {
	if len(args) == 0 {
		return "nothing"
	}
	return "`" + strings.Join(args, " ") + "`"
}

func usage(err error) error {
	if _, ok := errors.AsType[*errcode.Error](err); ok {
		return err
	}
	return errcode.New(errcode.BadUsage, "Add --help to the command to see what it takes.", nil, "%v", err)
}
