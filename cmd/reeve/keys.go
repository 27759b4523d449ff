package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk"
)

func (a *app) keysCommand() *cobra.Command {
	return noun("keys", "A node's keys", a.keysNew(), a.keysShow(), a.keysImport(), a.keysAdopt())
}

// keyFiles are the names of the key files by purpose.
var keyFiles = map[keys.Purpose]string{keys.Identity: datadir.IdentityFile, keys.Signing: datadir.SignerFile}

// shownKey is what `reeve keys` prints of a key.
type shownKey struct {
	Purpose   keys.Purpose      `json:"purpose"`
	PublicKey string            `json:"publicKey"`
	NodeID    primitives.NodeID `json:"nodeId,omitzero"`
	File      string            `json:"file"`
}

func describe(path string, purpose keys.Purpose, public keys.Public) shownKey {
	k := shownKey{Purpose: purpose, PublicKey: hex.EncodeToString(public[:]), File: path}
	if purpose == keys.Identity {
		k.NodeID = primitives.NodeID(public)
	}
	return k
}

func (a *app) showKeys(list []shownKey) error {
	return a.show(list, func(t *table) {
		for _, k := range list {
			t.row(k.Purpose, k.PublicKey, k.File)
			if !k.NodeID.IsZero() {
				t.row("", k.NodeID, "")
			}
		}
	})
}

// keyNode is the directory of the node named by --node, which need not exist yet.
func (a *app) keyNode(name string) (datadir.Node, error) {
	net, err := a.network()
	if err != nil {
		return datadir.Node{}, err
	}
	return net.Node(name), nil
}

func (a *app) keysNew() *cobra.Command {
	cmd := &cobra.Command{Use: "new", Short: "Make a node's network identity and signing key",
		Args: takes(cobra.NoArgs)}
	name := cmd.Flags().String("node", "v1", "name of the node")
	cmd.RunE = func(*cobra.Command, []string) error {
		h, err := a.keyNode(*name)
		if err != nil {
			return err
		}
		if err := h.Make(); err != nil {
			return err
		}
		if _, _, err := datadir.CreateKeys(h); err != nil {
			return keyTrouble(err)
		}
		return a.showAll(h)
	}
	return cmd
}

func (a *app) keysShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show", Short: "Print a node's public keys", Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(*cobra.Command, []string) error {
		h, err := n.node()
		if err != nil {
			return err
		}
		return a.showAll(h)
	}
	return cmd
}

func (a *app) showAll(h datadir.Node) error {
	var list []shownKey
	for _, purpose := range []keys.Purpose{keys.Identity, keys.Signing} {
		path := filepath.Join(h.Keys(), keyFiles[purpose])
		d, err := keys.Show(disk.OS{}, path)
		if err != nil {
			return keyTrouble(err)
		}
		list = append(list, describe(path, d.Purpose, d.Public))
	}
	return a.showKeys(list)
}

// maxKeyText is more than the text of any key has.
const maxKeyText = 4096

func (a *app) keysImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import PURPOSE [FILE]",
		Short: "Take a key from elsewhere: identity or signing, from a file or standard input",
		Args:  takes(cobra.RangeArgs(1, 2)),
		Long: `Take a key from elsewhere. A signing key comes without the record of what was signed with it: make sure
that no other node signs with it any more, and never will, and then run ` + "`reeve keys adopt`" + `.`,
	}
	name := cmd.Flags().String("node", "v1", "name of the node")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		purpose := keys.Purpose(args[0])
		if keyFiles[purpose] == "" {
			return usage(fmt.Errorf("a key's purpose is %s or %s, not %q", keys.Identity, keys.Signing, args[0]))
		}
		text, err := readKey(cmd.InOrStdin(), args[1:])
		if err != nil {
			return err
		}
		h, err := a.keyNode(*name)
		if err != nil {
			return err
		}
		path := filepath.Join(h.Keys(), keyFiles[purpose])
		s, err := keys.Import(disk.OS{}, path, purpose, text)
		if err != nil {
			return keyTrouble(err)
		}
		return a.showKeys([]shownKey{describe(path, purpose, s.Public())})
	}
	return cmd
}

func readKey(stdin io.Reader, files []string) ([]byte, error) {
	in := stdin
	if len(files) > 0 {
		f, err := os.Open(files[0])
		if err != nil {
			return nil, errcode.New(errcode.KeyMissing, "", err, "the key can't be read")
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, maxKeyText))
}

// keyTrouble gives the errors of internal/process/keys, which say what to do already, their numbers.
func keyTrouble(err error) error {
	id := errcode.KeyBroken
	switch {
	case errors.Is(err, keys.ErrMissing):
		id = errcode.KeyMissing
	case errors.Is(err, keys.ErrExists):
		id = errcode.KeyExists
	}
	return errcode.New(id, "", nil, "%v", err)
}
