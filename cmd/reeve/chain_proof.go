package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proof"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func (a *app) chainProof() *cobra.Command {
	cmd := &cobra.Command{
		Use: "proof BLOCK", Short: "Write a file that proves that a block is final", Args: takes(cobra.ExactArgs(1)),
		Long: `Write a file that proves that a block is final: its header, and the certificate, which is the
signatures of more than two thirds of the stake. BLOCK is an id, a height or "latest". Anybody who has the network's
genesis checks the file with ` + "`reeve chain verify`" + `, without a node. It is checked here, too, before it is written.`,
	}
	c := a.chainFlags(cmd)
	out := cmd.Flags().String("out", "", "file to write, - for standard output (default: CHAIN-HEIGHT.proof)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		chain, file, err := c.proof(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		genesis, err := c.genesis()
		if err != nil {
			return err
		}
		p, err := prove(genesis, chain.ID.String(), file)
		if err != nil {
			return errcode.New(errcode.ProofInvalid, "Ask another node with --node.", err,
				"what the node gives for block %s of %s proves nothing", args[0], chain.Name)
		}
		return a.writeProof(*out, p, file)
	}
	return cmd
}

// genesis is that of the network whose node the flags name.
func (n *nodeFlags) genesis() (string, error) {
	h, err := n.first()
	return h.Genesis(), err
}

// proof asks the node for the file.
func (c *chainFlags) proof(ctx context.Context, at string) (gateway.Chain, []byte, error) {
	if err := checkBlockName(at); err != nil {
		return gateway.Chain{}, nil, err
	}
	chain, address, err := c.find(ctx)
	if err != nil {
		return chain, nil, err
	}
	if at == latest {
		at = strconv.FormatUint(chain.Height, 10)
	}
	file, err := devnet.Proof(ctx, address, chain.Name, at)
	switch {
	case errors.Is(err, gateway.ErrNoBlock):
		err = errcode.New(errcode.ChainNotFound, "", nil, "%s has no accepted block %s", chain.Name, at)
	case errors.Is(err, gateway.ErrNoProof):
		err = errcode.New(errcode.NothingProven, "", err, "block %s of %s can't be proved", at, chain.Name)
	}
	return chain, file, err
}

// latest names the last accepted block.
const latest = "latest"

func checkBlockName(at string) error {
	var id primitives.Hash
	_, err := strconv.ParseUint(at, 10, 64)
	if at == latest || err == nil || id.UnmarshalText([]byte(at)) == nil {
		return nil
	}
	return usage(fmt.Errorf("%q is neither a block's id, nor a height, nor %q", at, latest))
}

// writeProof writes the file, and says what it proves.
func (a *app) writeProof(to string, p *proven, file []byte) error {
	if to == "-" {
		_, err := a.out.Write(file)
		return err
	}
	if to == "" {
		to = fmt.Sprintf("%s-%d.proof", p.Chain, p.Height)
	}
	if err := os.WriteFile(to, file, 0o644); err != nil {
		return err
	}
	p.File = to
	return a.show(p, p.rows)
}

func (a *app) chainVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check the proof of a block without a node; exit code 5 when it doesn't hold",
		Args: takes(cobra.ExactArgs(1)),
	}
	genesis := a.genesisFlag(cmd)
	chain := cmd.Flags().String("chain", "", "name of the chain that the block should be of (default: any)")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		file, err := readAtMost(args[0], proof.MaxSize, errcode.ProofInvalid)
		if err != nil {
			return err
		}
		from, err := genesis()
		if err != nil {
			return err
		}
		p, err := prove(from, *chain, file)
		if err != nil {
			return doesNotHold(errcode.ProofInvalid, err, args[0])
		}
		p.File = args[0]
		return a.show(p, p.rows)
	}
	return cmd
}

// genesisFlag adds --genesis to a command that needs no node, and returns where the file is.
func (a *app) genesisFlag(cmd *cobra.Command) func() (string, error) {
	path := cmd.Flags().String("genesis", "", "the network's genesis file (default: that of --data-dir)")
	return func() (string, error) {
		if *path != "" {
			return *path, nil
		}
		net, err := a.network()
		return net.Genesis(), err
	}
}

// doesNotHold is the error about a file that proves nothing; an error that is a person's already stays.
func doesNotHold(id errcode.ID, err error, file string) error {
	if _, ok := errors.AsType[*errcode.Error](err); ok {
		return err
	}
	return errcode.New(id, "Is the genesis that of its network? If so, the file is damaged or forged.", err,
		"%s doesn't hold", file)
}

// readAtMost reads a file that a person names, which may be anything. One that is too long is an error of the kind id.
func readAtMost(path string, limit int, id errcode.ID) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > int64(limit) {
		return nil, errcode.New(id, "", nil, "%s doesn't hold: it has %d bytes, at most %d are possible",
			path, info.Size(), limit)
	}
	return os.ReadFile(path)
}
