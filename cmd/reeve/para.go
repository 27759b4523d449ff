package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/collate"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/services/collator/para"
)

func (a *app) paraCommand() *cobra.Command {
	return noun("para", "Parachains", a.paraNew(), a.paraRegister(), a.paraStatus(), a.paraCollate())
}

// paraCollate runs the example's block producer. A team's own program does the same with its own chain.
func (a *app) paraCollate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "collate", Short: "Produce blocks of the example parachain, a ledger, at a node until Ctrl-C",
		Args: takes(cobra.NoArgs),
		Long: `Produce blocks of the example parachain, a ledger, at a node: it is told when and on what to build, hands
its blocks in, and prints what becomes of each. Transfers are taken at --listen. It keeps nothing on a disk: the state
to go on with is recovered from what the validators keep available.`,
	}
	n := a.nodeFlags(cmd, false)
	listen := cmd.Flags().String("listen", defaultLedger, "address for the ledger's users")
	pay := cmd.Flags().Duration("pay", 0,
		"have the treasury pay 1 to a shop each time that this has passed (default: never)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		h, err := n.first()
		if err != nil {
			return err
		}
		return a.collate(cmd.Context(), h, *listen, *pay)
	}
	return cmd
}

// defaultLedger is where the ledger's users find it.
const defaultLedger = "127.0.0.1:9700"

// collate produces the ledger's blocks at a node, and prints each that has come to its end. The treasury pays something
// each time that pay has passed; zero: never.
func (a *app) collate(ctx context.Context, h datadir.Node, listen string, pay time.Duration) error {
	at, err := para.At(filepath.Dir(h.Dir), h.Name)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return errcode.CannotListen(listen, err)
	}
	at.Log = slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ledger, _ := collate.Demo(nil)
	ledger.Told = func(b collate.Block) { a.say("%s", blockLine(b)) }
	a.say(`
The ledger is parachain %d, and answers at http://%[2]s:
  curl http://%[2]s/head                 its head, and how many blocks there were
  curl http://%[2]s/accounts/%[3]x
                                                  the account of a shop: watch it grow
Its blocks, with the milliseconds since each was handed in:
%[4]s`, collate.DemoPara, l.Addr(), []byte(collate.DemoPayee), blockHeader)
	if pay > 0 {
		go payOnAndOn(ctx, ledger, pay)
	}
	return ledger.Run(ctx, at, collate.DemoPara, l)
}

// payOnAndOn has the treasury pay 1 to the shop, again and again. What isn't taken now is for the next time.
func payOnAndOn(ctx context.Context, ledger *collate.Chain, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = ledger.Pay(1)
		}
	}
}

const blockHeader = "  BLOCK  TRANSFERS  SECONDED  BACKED  INCLUDED  IN RELAY BLOCK  FINAL"

// blockLine is one block that has come to its end, for a person.
func blockLine(b collate.Block) string {
	line := fmt.Sprintf("  %5d  %9d  %8s  %6s", b.Number, b.Transfers, millis(b.Seconded), millis(b.Backed))
	if why := b.Refused; why != nil {
		reason := strings.TrimPrefix(why.GetReason().String(), "COLLATION_REFUSAL_")
		return line + fmt.Sprintf("  refused after %s: %s: %s", millis(b.After),
			strings.ToLower(strings.ReplaceAll(reason, "_", " ")), printable(why.GetDetail()))
	}
	return line + fmt.Sprintf("  %8s  %14d  %5s", millis(b.Included), b.In, millis(b.Final))
}

func millis(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprint(d.Milliseconds())
}

// printable is a stranger's text, without what would move the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
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
