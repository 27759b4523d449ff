package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/collate"
	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/paradev"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// upFlags are the flags of `reeve devnet up`.
type upFlags struct {
	app        *app
	validators int
	vm         string
	vmGenesis  string
	chains     []string // NAME=PLUGIN; in place of vm
	portBase   int
	detach     bool
	ephemeral  bool
	bundled    bool
	lasts      time.Duration
	timeout    time.Duration

	given func(flag string) bool // whether somebody has set it

	paras        []string // ID=CODE,head=HEX, on the relay chain
	parachain    bool     // the example's is there, too
	paraListen   string   // for its users
	transactions int      // sent when the network is ready, to show that it works
}

func (a *app) devnetUp() *cobra.Command {
	cmd := &cobra.Command{
		Use: "up", Short: "Start a network, wait until every node is ready, and keep it running until Ctrl-C",
		Args: takes(cobra.NoArgs),
		Long: `Start a network and wait until every node is ready. A directory that holds a network already is started
again, with its chains and ports as they were.`,
	}
	u := &upFlags{app: a}
	f := cmd.Flags()
	f.IntVar(&u.validators, "validators", 4, "number of validators of a new network")
	f.StringVar(&u.vm, "vm", "kvvm", "the chain's VM: name of a plugin beside reeve, or path of one")
	f.StringVar(&u.vmGenesis, "vm-genesis", "", "file that the VM gets as its genesis")
	f.StringArrayVar(&u.chains, "chain", nil,
		"a chain and its VM, as NAME=PLUGIN, in place of --vm; once for each chain")
	f.IntVar(&u.portBase, "port-base", devnet.DefaultPorts.Base,
		"HTTP port of a new network's first node; node i adds 10·i; 0 finds free ports")
	f.BoolVar(&u.detach, "detach", false, "return when the network is ready and leave it running")
	f.BoolVar(&u.ephemeral, "ephemeral", false, "keep everything in a temporary directory, and delete it at the end")
	f.BoolVar(&u.bundled, "bundled", false, "run each validator in one process, for less memory")
	f.DurationVar(&u.lasts, "for", 0, "stop after this time (default: at Ctrl-C)")
	f.DurationVar(&u.timeout, "timeout", 30*time.Second, "how long the nodes may take to become ready")
	f.StringArrayVar(&u.paras, "para", nil,
		"a parachain on a new network's relay chain, as ID=CODE,head=HEX with the file of its validation code")
	f.BoolVar(&u.parachain, "parachain", false,
		"put the example parachain, a ledger, on the relay chain, and produce its blocks at the first node")
	f.StringVar(&u.paraListen, "parachain-listen", defaultLedger, "address for the example parachain's users")
	f.IntVar(&u.transactions, "transactions", 0,
		"send so many when the network is ready, and show them final on all nodes; "+
			"on the example parachain something is paid each second")
	u.given = f.Changed
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return u.up(cmd.Context()) }
	return cmd
}

func (u *upFlags) up(ctx context.Context) error {
	net, err := u.directory()
	if err != nil {
		return err
	}
	if err := u.possible(); err != nil {
		return err
	}
	if err := u.createIfMissing(net); err != nil {
		return err
	}
	if devnet.Supervised(net.Run()) {
		return devnet.Busy(net)
	}
	if err := u.strays(net); err != nil {
		return err
	}
	if u.detach {
		return u.background(ctx, net)
	}
	return u.foreground(ctx, net)
}

func (u *upFlags) directory() (datadir.Network, error) {
	if !u.ephemeral {
		return u.app.network()
	}
	dir, err := os.MkdirTemp("", "reeve-")
	if err != nil {
		return datadir.Network{},
			errcode.New(errcode.DataDirBroken, "Free some space, or set TMPDIR.", err,
				"can't make a temporary directory")
	}
	return datadir.Open(dir)
}

// createIfMissing makes the network unless the directory holds one.
func (u *upFlags) createIfMissing(net datadir.Network) error {
	if err := devnet.Resume(net); err != nil {
		return err
	}
	if _, err := os.Stat(net.Genesis()); !errors.Is(err, fs.ErrNotExist) {
		return u.agrees(net) // also when it can't be read: opening it says why
	}
	o := devnet.Options{Validators: u.validators, Ports: devnet.Ports{Base: u.portBase}}
	var err error
	if o.Chains, err = u.newChains(); err == nil {
		err = u.noRelay(o.Chains)
	}
	if err != nil {
		return err
	}
	if u.portBase == 0 {
		if o.Ports, err = devnet.Free(u.validators); err != nil {
			return err
		}
	} else if err := o.Ports.Check(u.validators); err != nil {
		return err
	}
	_, err = devnet.Create(net, o)
	return err
}

// chain is one of a new network; the relay chain has the parachains that are wanted.
func (u *upFlags) chain(name string, p devnet.Plugin, genesis []byte) (devnet.NewChain, error) {
	if p.Name != devnet.RelayVM || len(genesis) > 0 {
		return devnet.ChainOf(name, p, genesis), nil
	}
	paras, err := u.parachains()
	return devnet.ChainOf(name, p, nil, paras...), err
}

// parachains are those that the flags name.
func (u *upFlags) parachains() (list []relayvm.GenesisPara, err error) {
	for _, text := range u.paras {
		p, err := paradev.Parse(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if u.parachain {
		code, err := ledgerCode()
		if err != nil {
			return nil, err
		}
		_, ledger := collate.Demo(code)
		list = append(list, ledger)
	}
	return list, nil
}

// noRelay says that parachains are wanted and the new network has nowhere to put them.
func (u *upFlags) noRelay(chains []devnet.NewChain) error {
	if len(u.paras) == 0 && !u.parachain {
		return nil
	}
	for _, c := range chains {
		if c.Parachains && c.GenesisOf != nil {
			return nil
		}
	}
	return usage(errors.New(
		"parachains need a relay chain without a genesis of your own: --vm relayvm, and no --vm-genesis"))
}

// newChains are the chains that the flags name: those of --chain, or the one of --vm.
func (u *upFlags) newChains() ([]devnet.NewChain, error) {
	if len(u.chains) == 0 {
		plugin, err := devnet.FindPlugin(u.vm)
		if err != nil {
			return nil, err
		}
		genesis, err := u.readVMGenesis()
		if err != nil {
			return nil, err
		}
		chain, err := u.chain(plugin.Chain(), plugin, genesis)
		return []devnet.NewChain{chain}, err
	}
	if u.vmGenesis != "" {
		return nil, usage(errors.New("--vm-genesis belongs to --vm; with --chain a VM begins without one"))
	}
	list := make([]devnet.NewChain, len(u.chains))
	for i, text := range u.chains {
		name, vm, ok := strings.Cut(text, "=")
		if !ok || name == "" || vm == "" {
			return nil, usage(fmt.Errorf("--chain is %q, it should be NAME=PLUGIN, such as kv=kvvm", text))
		}
		plugin, err := devnet.FindPlugin(vm)
		if err != nil {
			return nil, err
		}
		if list[i], err = u.chain(name, plugin, nil); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (u *upFlags) readVMGenesis() ([]byte, error) {
	if u.vmGenesis == "" {
		return nil, nil
	}
	text, err := os.ReadFile(u.vmGenesis)
	if err != nil {
		return nil, errcode.New(errcode.BadUsage, "", err, "the VM's genesis can't be read")
	}
	return text, nil
}

// foreground supervises the network in this process until somebody ends it.
func (u *upFlags) foreground(ctx context.Context, net datadir.Network) error {
	return u.app.supervise(ctx, net, u.session(), func(n *devnet.Network) error {
		waiting, cancel := context.WithTimeout(ctx, u.timeout)
		defer cancel()
		p := newProgress(u.app.err)
		s, err := n.WaitReady(waiting, p.update)
		p.finish()
		if err != nil {
			return err
		}
		if err := u.ready(waiting, n, s); err != nil {
			return err
		}
		return u.produce(ctx, net)
	})
}

// produce produces the example parachain's blocks at the first node for as long as the network runs.
func (u *upFlags) produce(ctx context.Context, net datadir.Network) error {
	if !u.parachain {
		return nil
	}
	nodes, err := net.Nodes()
	if err != nil || len(nodes) == 0 {
		return err
	}
	pay := time.Duration(0)
	if u.transactions > 0 {
		pay = demoPayments
	}
	go func() {
		if err := u.app.collate(ctx, nodes[0], u.paraListen, pay); err != nil && ctx.Err() == nil {
			u.app.say("  no blocks of the ledger are produced any more: %v", err)
		}
	}()
	return nil
}

// demoPayments is how often something is paid on the ledger, to show that it works.
const demoPayments = time.Second

func (u *upFlags) session() session {
	return session{lasts: u.lasts, ephemeral: u.ephemeral, bundled: u.bundled}
}

// ready tells the person what there is now.
func (u *upFlags) ready(ctx context.Context, look interface {
	Status(context.Context) (*devnet.Status, error)
}, s *devnet.Status) error {
	if err := u.demo(ctx, s); err != nil {
		return err
	}
	if u.transactions > 0 {
		u.app.say("")
		now, err := look.Status(ctx)
		if err != nil {
			return err
		}
		s = now
	}
	if err := u.app.showStatus(s, false); err != nil {
		return err
	}
	u.app.say("\n%s", next(s))
	return nil
}

// next suggests what to type.
func next(s *devnet.Status) string {
	where := ""
	if s.DataDir != mustAbs(defaultDataDir) {
		where = " --data-dir " + s.DataDir
	}
	first := s.Nodes[0].Heads[0]
	use := "curl " + s.Nodes[0].HTTP + "/ext/bc/" + first.Chain + "/"
	if first.VM == kvVM {
		use = "reeve kv put hello world" + onChain(first.Chain) + where
	}
	return fmt.Sprintf("Next:  %[2]s    reeve devnet status%[1]s    reeve devnet down%[1]s", where, use)
}
