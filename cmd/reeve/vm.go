package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/scaffold"
	"github.com/reevenet/reeve/cmd/internal/vmdev"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmtest"
)

func (a *app) vmCommand() *cobra.Command {
	return noun("vm", "For authors of VMs", a.vmNew(), a.vmTest(), a.vmDoctor())
}

func (a *app) vmNew() *cobra.Command {
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Write a VM of your own: a Go module that builds and runs as it is",
		Args: takes(cobra.ExactArgs(1)),
	}
	o := moduleFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.Name = args[0]
		dir, err := vmdev.New(cmd.Context(), *o)
		if err != nil {
			return err
		}
		if err := a.show(map[string]string{"dir": dir}, func(t *table) { t.row(dir) }); err != nil {
			return err
		}
		a.say("Next:  cd %s && go build -o %[2]s . && reeve vm test ./%[2]s && reeve devnet up --vm ./%[2]s", dir,
			o.Name)
		return nil
	}
	return cmd
}

// moduleFlags are those of the commands that write a new Go module.
func moduleFlags(cmd *cobra.Command) *scaffold.Project {
	m := &scaffold.Project{}
	cmd.Flags().StringVar(&m.Module, "module", "", "path of the Go module (default: the name)")
	cmd.Flags().StringVar(&m.Dir, "dir", "", "where its directory is made (default: here)")
	cmd.Flags().StringVar(&m.Checkout, "checkout", "",
		"directory of Reeve's source to build against (default: the one that this program or directory is in)")
	return m
}

func (a *app) vmTest() *cobra.Command {
	cmd := &cobra.Command{
		Use: "test PLUGIN", Short: "Run the conformance kit on a VM plugin; exit code 5 when it fails",
		Args: takes(cobra.ExactArgs(1)),
		Long: `Run the conformance kit on a VM plugin, in whatever language it is written. Each check is a rule that
every VM must keep to; a failure shows the calls that led to it and what the VM has logged. The file
vmtest.json beside the plugin says how the kit gets the VM to do something.`,
	}
	var o vmdev.TestVM
	genesis := cmd.Flags().String("genesis", "", "file that the VM gets as its genesis")
	cmd.Flags().DurationVar(&o.StartLimit, "start-timeout", launch.StartLimit,
		"how long the VM may take to be initialized; a node's is the setting vm.start-timeout")
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "names of the checks to run (default: all)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		plugin, err := devnet.FindPlugin(args[0])
		if err != nil {
			return err
		}
		o.Plugin = filepath.Join(plugin.Dir, plugin.Name)
		if *genesis != "" {
			if o.Genesis, err = os.ReadFile(*genesis); err != nil {
				return usage(err)
			}
		}
		report, err := vmdev.Test(cmd.Context(), o)
		if err != nil {
			return err
		}
		return a.showConformance(report)
	}
	return cmd
}

func (a *app) showConformance(r *vmtest.Report) error {
	err := a.show(r, func(t *table) {
		for _, c := range r.Results {
			switch {
			case c.Skipped != "":
				t.row("skipped", c.ID, c.Skipped)
			case c.Passed():
				t.row("ok", c.ID, c.Rule)
			default:
				t.row("FAILED", c.ID, c.Rule)
				t.row("", "", c.Failure)
				for i, call := range c.Calls {
					t.row("", "", fmt.Sprintf("%4d. %s", i+1, call))
				}
				for _, line := range c.Output {
					t.row("", "", "   >  "+strings.ReplaceAll(line, "\t", "    "))
				}
			}
		}
	})
	if err == nil && !r.Passed() {
		err = errcode.New(errcode.PluginFailedCheck, "", nil,
			"%s %s fails %d of %d checks", r.Name, r.Version, len(r.Failures()), len(r.Results))
	}
	return err
}

func (a *app) vmDoctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor PLUGIN", Short: "Find out whether a node can start a VM plugin, and why not",
		Args: takes(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			plugin, err := devnet.FindPlugin(args[0])
			if err != nil {
				return err
			}
			d := vmdev.Doctor(cmd.Context(), filepath.Join(plugin.Dir, plugin.Name))
			if err := a.show(d, func(t *table) {
				for _, f := range d.Findings {
					sign := "ok"
					if !f.OK {
						sign = "WRONG"
					}
					t.row(sign, f.What, f.Detail)
				}
			}); err != nil {
				return err
			}
			if wrong, ok := errors.AsType[*errcode.Error](d.Err); ok {
				return errcode.New(wrong.ID, "", nil, "a node can't start %s", args[0])
			}
			return d.Err
		},
	}
}
