package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/bench"
	"github.com/reevenet/reeve/cmd/internal/bench/bus"
	"github.com/reevenet/reeve/cmd/internal/bench/para"
	"github.com/reevenet/reeve/cmd/internal/bench/vm"
)

func (a *app) benchCommand() *cobra.Command {
	return noun("bench", "Measure this program side by side with its peers", a.benchBusCommand(),
		a.benchChainCommand(), a.benchVMCommand(), a.benchErasureCommand(), a.benchParaCommand(),
		a.benchCompareCommand(), a.benchRoleCommand())
}

func (a *app) benchBusCommand() *cobra.Command {
	var rounds int
	var peers string
	c := &cobra.Command{
		Use: "bus", Short: "The message bus against direct gRPC, NATS and a bare relay", Args: takes(cobra.NoArgs),
		Long: `Every side runs as processes of its own; they play in turn, and ratios are taken round by round. It needs
bin/peerbench, which "make peerbench" builds.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := bus.Run(cmd.Context(),
				bus.Config{Self: benchRole(), Peers: peers, Rounds: rounds, Progress: a.err})
			if err != nil {
				return err
			}
			return a.document(doc)
		},
	}
	c.Flags().IntVar(&rounds, "rounds", 7, "how often each side plays each round")
	c.Flags().StringVar(&peers, "peers", besideUs("peerbench"), "the program that runs the peers")
	return c
}

func (a *app) benchCompareCommand() *cobra.Command {
	return &cobra.Command{
		Use: "compare BEFORE AFTER", Short: "What changed between two results that were written with -o json",
		Args: takes(cobra.ExactArgs(2)),
		RunE: func(_ *cobra.Command, args []string) error {
			before, err := readDocument(args[0])
			after, err2 := readDocument(args[1])
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			if a.output == "json" {
				return a.show(bench.Compare(before, after), nil)
			}
			return bench.WriteChanges(a.out, before, after)
		},
	}
}

// benchRoleCommand is one process of a measurement; nobody types it.
func (a *app) benchRoleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "role", Hidden: true, Args: takes(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if vm.Plays(args[0]) {
				return vm.PlayRole(cmd.Context(), benchRole(), args, os.Stdin, a.out)
			}
			if para.Plays(args[0]) {
				return para.PlayRole(cmd.Context(), args, os.Stdin, a.out)
			}
			return bus.PlayRole(cmd.Context(), benchRole(), args, os.Stdin, a.out)
		},
	}
}

// benchRole is the command line after which a role follows.
func benchRole() []string { return []string{"bench", "role"} }

func (a *app) document(doc bench.Document) error {
	if a.output == "json" {
		return doc.WriteJSON(a.out)
	}
	return doc.WriteTable(a.out)
}

func readDocument(path string) (bench.Document, error) {
	var in io.Reader = os.Stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return bench.Document{}, err
		}
		defer file.Close()
		in = file
	}
	return bench.Read(in)
}

// besideUs is a program in the directory of this one.
func besideUs(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}
