package main

import (
	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/internal/store/journal"
)

func (a *app) keysAdopt() *cobra.Command {
	cmd := &cobra.Command{
		Use: "adopt", Short: "Let a node sign with a key that was imported, restored or moved",
		Args: takes(cobra.NoArgs),
		Long: `Let a node sign with a key that was imported, restored or moved. The keystore refuses to when the
record of what was signed is missing, damaged or a copy, because a second signature in the same place can be punished.
Before you run this, make sure that no other node signs with this key, now or ever again.

What may have been signed that the record doesn't hold lies up to --height and --session: nothing there is signed
again. Choose the highest that the network has seen, and some more. Without a record one of them is needed. A running
keystore goes on by itself within seconds.`,
	}
	n := a.nodeFlags(cmd, false)
	height := cmd.Flags().Uint64("height", 0, "sign no block and no vote of any chain up to this height")
	session := cmd.Flags().Uint32("session", 0, "sign no statement and no bitfield up to this session")
	cmd.RunE = func(*cobra.Command, []string) error {
		h, err := n.node()
		if err != nil {
			return err
		}
		var floors journal.Floors
		if cmd.Flags().Changed("height") {
			floors.Height = height
		}
		if cmd.Flags().Changed("session") {
			floors.Session = session
		}
		if err := signer.Adopt(datadir.Signer(h), floors); err != nil {
			return keyTrouble(err)
		}
		a.say("Node %s may sign.", h.Name)
		return nil
	}
	return cmd
}
