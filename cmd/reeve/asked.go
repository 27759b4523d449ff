package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/services"
)

// What is asked for is done or refused; what stays without effect is said.

// possible refuses what no network can be.
func (u *upFlags) possible() error {
	for flag, d := range map[string]time.Duration{"for": u.lasts, "timeout": u.timeout} {
		if d < 0 {
			return usage(fmt.Errorf("--%s is %v, it should be a time such as 30s", flag, d))
		}
	}
	if u.transactions < 0 {
		return usage(fmt.Errorf("--transactions is %d, it should be a number from 0", u.transactions))
	}
	return nil
}

// agrees makes sure that the network in the directory is the one that the flags describe, as far as they do.
func (u *upFlags) agrees(net datadir.Network) error {
	if u.given("para") {
		return errcode.New(errcode.NetworkDiffers,
			"Leave --para out, and use `reeve para register` once it runs. To begin anew, choose another directory "+
				"with --data-dir, or remove this one.", nil,
			"%s holds a network already, with the parachains that it has", net.Dir)
	}
	o := devnet.Options{Ports: devnet.Ports{Base: u.portBase}}
	if u.given("validators") {
		o.Validators = u.validators
	}
	if !u.given("port-base") {
		o.Ports.Base = 0
	}
	if u.given("vm") || u.given("chain") || u.given("vm-genesis") {
		var err error
		if o.Chains, err = u.newChains(); err != nil {
			return err
		}
	}
	differences, err := devnet.Differences(net, o, u.given("vm-genesis"))
	if err != nil || len(differences) == 0 {
		return err
	}
	return errcode.New(errcode.NetworkDiffers,
		"Leave these flags out to start it as it is. To begin anew, choose another directory with --data-dir, or stop "+
			"this network and remove its directory.", nil,
		"%s holds a network already, and it is another one: %s", net.Dir, strings.Join(differences, "; "))
}

// strays says which directories look like nodes and are none.
func (u *upFlags) strays(net datadir.Network) error {
	strays, err := net.Strays()
	for _, name := range slices.Sorted(maps.Keys(strays)) {
		u.app.say("  %s is no node of this network: its settings are those of %q. It is left alone.", name, strays[name])
	}
	return err
}

// others are variables that no flag and no setting is the twin of: of parts in other programs, of the bus, of tests, and
// of docker-compose.yml.
var others = []string{
	"REEVE_BUS", "REEVE_BUS_CARRIER", "REEVE_BLOBS", "REEVE_CHAIN", "REEVE_INSTANCE", "REEVE_TOKEN", "REEVE_TOKEN_FILE",
	"REEVE_PARENT_PIPE", "REEVE_BENCH_PROFILE", "REEVE_SIM_TRACE_FILE", "REEVE_SEED", "REEVE_BIN", "REEVE_VM_PLUGIN",
	"REEVE_IMAGE", "REEVE_HTTP_PORT", "REEVE_METRICS_PORT", "REEVE_P2P_PORT",
}

// meaningless says which variables of our prefix mean nothing: a setting that is silently ignored is worse than a line.
func (a *app) meaningless(cmd *cobra.Command) {
	settings, known := map[string]bool{}, map[string]bool{}
	for _, s := range services.Parts().Schema().Settings() {
		settings[s.Env()] = true
	}
	for _, name := range others {
		known[name] = true
	}
	twins(cmd.Root(), known)
	for _, name := range ours(os.Environ()) {
		switch {
		case settings[name] && cmd.CommandPath() == "reeve devnet up" && !strings.HasPrefix(name, "REEVE_LOG_"):
			a.say("%s is the setting of one node and is left out: a network's nodes have their own, in their config.toml.",
				name)
		case !known[name] && !settings[name]:
			a.say("%s means nothing to reeve and is left out: `reeve config view` and --help list what does.", name)
		}
	}
}

// twins adds the variables that stand in for flags, of a command and those below it.
func twins(cmd *cobra.Command, known map[string]bool) {
	add := func(f *pflag.Flag) { known[config.EnvName(f.Name)] = true }
	cmd.Flags().VisitAll(add)
	cmd.PersistentFlags().VisitAll(add)
	for _, below := range cmd.Commands() {
		twins(below, known)
	}
}

// ours are the names of the variables with our prefix, those of tests left out.
func ours(environ []string) (names []string) {
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "REEVE_") && !strings.HasPrefix(name, "REEVE_TEST_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
