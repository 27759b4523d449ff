package devnet

import (
	"bytes"
	"fmt"
	"net"
	"strconv"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
)

// Differences says in which ways the network in dir isn't the one that o describes. What o leaves out is as it is; the
// genesis of VMs is compared if geneses says so.
func Differences(dir datadir.Network, o Options, geneses bool) (list []string, err error) {
	n, err := Open(dir, nil)
	if err != nil {
		return nil, err
	}
	if have := len(n.Genesis.Validators); o.Validators != 0 && o.Validators != have {
		list = append(list, fmt.Sprintf("it has %d validators, not %d", have, o.Validators))
	}
	names, err := n.Names()
	if err != nil || len(names) == 0 {
		return list, err
	}
	c, err := n.Settings(dir.Node(names[0]))
	if err != nil {
		return nil, err
	}
	if o.Ports.Base != 0 {
		if have := portOf(c.HTTP.Listen); have != strconv.Itoa(o.Ports.Base) {
			list = append(list, fmt.Sprintf("its ports begin at %s, not at %d", have, o.Ports.Base))
		}
	}
	if o.Chains == nil {
		return list, nil
	}
	list = append(list, n.otherChains(o.Chains, geneses)...)
	written, wanted := c.Written(), settingsOf(o.Chains)
	for _, key := range []string{"vm.plugin-dir", "vm.plugins"} {
		if len(list) == 0 && fmt.Sprint(written[key]) != fmt.Sprint(wanted[key]) {
			list = append(list, fmt.Sprintf("its %s is %v, not %v", key, shown(written[key]), shown(wanted[key])))
		}
	}
	return list, nil
}

// otherChains says which chains the network has that aren't those, or the other way round.
func (n *Network) otherChains(chains []NewChain, geneses bool) (list []string) {
	have := n.Genesis.Chains
	if len(have) != len(chains) {
		return []string{fmt.Sprintf("it has %d chains, not %d", len(have), len(chains))}
	}
	for _, want := range chains {
		c, ok := n.Genesis.Chain(want.Name)
		switch {
		case !ok:
			list = append(list, fmt.Sprintf("it has no chain %s, but %s of %s", want.Name, have[0].Name, have[0].VM))
		case c.VM != want.Plugin.Name:
			list = append(list, fmt.Sprintf("the VM of its chain %s is %s, not %s", c.Name, c.VM, want.Plugin.Name))
		case geneses && !n.begins(c, want.Genesis):
			list = append(list, fmt.Sprintf("the genesis of its chain %s is another one", c.Name))
		}
	}
	return list
}

// begins tells whether that is what the chain's VM gets.
func (n *Network) begins(c genesis.Chain, with []byte) bool {
	content, err := c.Content(n.Home.Dir)
	return err == nil && bytes.Equal(content, with)
}

func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return port
}

func shown(value any) any {
	if value == nil {
		return "where reeve's own are"
	}
	return value
}

// Busy is the error of who would start a network that runs.
func Busy(dir datadir.Network) error {
	return errcode.New(errcode.DataDirInUse,
		"`reeve devnet status` shows it. Stop it with `reeve devnet down`, or choose another directory with --data-dir.",
		nil, "%s is in use by process %d: the network runs already", dir.Dir, Dial(dir.Run()).Supervisor().PID)
}
