package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/collate"
	"github.com/reevenet/reeve/cmd/internal/node"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

func (a *app) paraCommand() *cobra.Command {
	return noun("para", "Parachains", a.paraCollate())
}

// paraCollate runs the example's block producer. A team's own program does the same with its own chain.
func (a *app) paraCollate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "collate", Short: "Produce blocks of the example parachain, a ledger, at a node until Ctrl-C",
		Args: takes(cobra.NoArgs),
		Long: `Produce blocks of the example parachain, a ledger, at a node: it is told when and on what to build, hands
its blocks in, and prints what becomes of each. Transfers are taken at --listen.`,
	}
	n := a.nodeFlags(cmd, false)
	listen := cmd.Flags().String("listen", defaultLedger, "address for the ledger's users")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		h, _, err := n.door()
		if err != nil {
			return err
		}
		ledger, _ := collate.Demo(nil)
		return a.collate(cmd.Context(), h, ledger, *listen)
	}
	return cmd
}

// defaultLedger is where the ledger's users find it.
const defaultLedger = "127.0.0.1:9700"

// collate produces blocks at a node and prints what becomes of them.
func (a *app) collate(ctx context.Context, h datadir.Node, ledger *collate.Chain, listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return errcode.CannotListen(listen, err)
	}
	ledger.Told = func(s collate.Step) { a.say("%s", stepLine(s)) }
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return ledger.Run(ctx, h, "unix:"+h.Socket(node.BusSocket), collate.DemoPara, l, log)
}

// stepLine is one step of one block, for a person.
func stepLine(s collate.Step) string {
	what := ""
	switch k := s.Status.GetKind().(type) {
	case *primitivesv1.CollationStatus_Seconded:
		what = fmt.Sprintf("seconded by validator %d", k.Seconded.GetValidator())
	case *primitivesv1.CollationStatus_Backed:
		what = fmt.Sprintf("backed with %d votes", k.Backed.GetVotes())
	case *primitivesv1.CollationStatus_Included:
		what = fmt.Sprintf("included in relay block %d", k.Included.GetNumber())
	case *primitivesv1.CollationStatus_Refused:
		what = fmt.Sprintf("refused: %v: %s", k.Refused.GetReason(), k.Refused.GetDetail())
	}
	return fmt.Sprintf("  para %d block %-5d %-34s after %4d ms  %d transfers", collate.DemoPara, s.Number, what,
		s.After.Round(time.Millisecond).Milliseconds(), s.Transfers)
}

// ledgerCode is the example's validation code, which `make build` makes beside the program.
func ledgerCode() ([]byte, error) {
	path := besideUs(filepath.Join("paras", "ledger.wasm"))
	code, err := os.ReadFile(path)
	if err != nil {
		return nil, errcode.New(errcode.PluginMissing, "Build it: `make build`.", err, "there is no validation code at %s",
			path)
	}
	return code, nil
}
