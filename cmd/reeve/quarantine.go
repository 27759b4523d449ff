package main

import (
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/node"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/quarantine"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

func (a *app) busQuarantine() *cobra.Command {
	return noun("quarantine", "The messages that ended two processes each",
		a.quarantineList(), a.quarantineShow(), a.quarantineRelease())
}

// quarantineOf is the store of the node that the flags name, whether the node runs or not.
func (n *nodeFlags) quarantineOf() (*quarantine.Store, error) {
	h, err := n.first()
	if err != nil {
		return nil, err
	}
	return &quarantine.Store{Dir: node.QuarantineDir(h)}, nil
}

func (a *app) quarantineList() *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "Print what is in quarantine, oldest first", Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(*cobra.Command, []string) error {
		store, err := n.quarantineOf()
		if err != nil {
			return err
		}
		list, err := store.List()
		if err != nil {
			return err
		}
		return a.show(list, func(t *table) {
			t.row("ID", "VARIANT", "FROM", "TO", "KIND", "KEPT", "CAUSE")
			for _, h := range list {
				t.row(h.ID, h.Variant, h.From, h.To, h.Kind, h.Kept.Format(time.DateTime), h.Cause)
			}
		})
	}
	return cmd
}

// kept is one message as it is shown.
type kept struct {
	quarantine.Header
	Envelope json.RawMessage `json:"envelope,omitempty"` // absent when it doesn't decode
}

func (a *app) quarantineShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show ID", Short: "Print one message with all that it says",
		Args: takes(cobra.ExactArgs(1))}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		store, err := n.quarantineOf()
		if err != nil {
			return err
		}
		header, envelope, err := store.Show(args[0])
		if err != nil {
			return notKept(err)
		}
		a.output = "json" // a message is no table
		return a.show(decoded(header, envelope), nil)
	}
	return cmd
}

func decoded(header quarantine.Header, envelope []byte) kept {
	k := kept{Header: header}
	var e overseerv1.Envelope
	if proto.Unmarshal(envelope, &e) == nil {
		k.Envelope, _ = protojson.Marshal(&e) // without it if that fails
	}
	return k
}

func (a *app) quarantineRelease() *cobra.Command {
	cmd := &cobra.Command{
		Use: "release ID", Short: "Take a message out of quarantine", Args: takes(cobra.ExactArgs(1)),
		Long: "Take a message out of quarantine, for good unless --to says where to write it. It isn't delivered any more:\n" +
			"who asked a request was told at once that it is poisoned.",
	}
	n := a.nodeFlags(cmd, false)
	to := cmd.Flags().String("to", "", "file to write its envelope to, as it travelled")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		store, err := n.quarantineOf()
		if err != nil {
			return err
		}
		if *to != "" {
			_, envelope, err := store.Show(args[0])
			if err == nil {
				err = os.WriteFile(*to, envelope, 0o600)
			}
			if err != nil {
				return notKept(err)
			}
		}
		return notKept(store.Release(args[0]))
	}
	return cmd
}

func notKept(err error) error {
	if errors.Is(err, quarantine.ErrUnknown) {
		return errcode.New(errcode.BadUsage, "`reeve bus quarantine ls` lists what is kept.", nil, "%v", err)
	}
	return err
}
