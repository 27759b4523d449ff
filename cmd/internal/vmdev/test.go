package vmdev

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/process/errcode"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/process"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmtest"
)

// WorkFile stands beside a plugin and says how the kit can give it something to do.
const WorkFile = "vmtest.json"

// Work is the content of a WorkFile: a request that is posted to the VM for each piece of work, {n} in its body being
// its number.
type Work struct {
	Post string `json:"post"`
	Body string `json:"body"`
	// Shows is the path of what changes for users with every block; may be empty.
	Shows string `json:"shows"`
}

// TestVM says what `vm test` is to try.
type TestVM struct {
	// Plugin is the file.
	Plugin string
	// Genesis is given to the VM.
	Genesis []byte
	// Work is how the VM gets something to do. Zero: the WorkFile beside the plugin, what is known of kvvm, or nothing.
	Work Work
	// Only names the checks to run. Empty: all.
	Only []string
	// StartLimit is how long Initialize may take. 0: as in a node.
	StartLimit time.Duration
}

// Test runs the conformance kit on a plugin. The error is why it can't be run; whether the VM passes is in the report.
func Test(ctx context.Context, o TestVM) (*vmtest.Report, error) {
	for _, name := range o.Only {
		if !slices.Contains(vmtest.Checks(), name) {
			return nil, errcode.New(errcode.BadUsage, "There are "+strings.Join(vmtest.Checks(), ", ")+".", nil,
				"there is no check %q", name)
		}
	}
	target := process.Launcher{Path: o.Plugin, Confine: &launch.Confine{}}
	about, err := describe(ctx, target)
	if err != nil {
		return nil, err
	}
	work, shows, err := o.work(about.GetName())
	if err != nil {
		return nil, err
	}
	report := vmtest.Run(ctx, target, vmtest.Options{
		Genesis: o.Genesis, Work: work, Shows: shows, Only: o.Only, StartLimit: o.StartLimit,
	})
	report.Name, report.Version = about.GetName(), about.GetVersion()
	return report, nil
}

// work is how the VM gets something to do, and what it shows of it.
func (o TestVM) work(name string) (work vmtest.Work, shows string, err error) {
	w := o.Work
	if w.Post == "" {
		file := filepath.Join(filepath.Dir(o.Plugin), WorkFile)
		content, err := os.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, "", err
		default:
			if err := json.Unmarshal(content, &w); err != nil {
				return nil, "", errcode.New(errcode.BadConfig,
					`It holds {"post": "/path", "body": "text {n}", "shows": "/path"}.`, err,
					"%s can't be read", file)
			}
		}
	}
	switch {
	case w.Post != "":
		return vmtest.Post(w.Post, w.Body), w.Shows, nil
	case name == "kvvm":
		return kvWork(), "/head", nil
	}
	return nil, w.Shows, nil
}

// kvWork is work for kvvm: signed transactions that a peer's gossip brings.
func kvWork() vmtest.Work {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	return vmtest.Gossip(func(n int) []byte {
		k, v := fmt.Appendf(nil, "key %d", n%3), fmt.Appendf(nil, "value %d", n)
		return vmsdk.JoinTxs(kvvm.NewTx(vmtest.ChainID, key, uint64(n), kvvm.Put, k, v).Bytes())
	})
}

// describe starts a plugin for a moment and asks what it is.
func describe(ctx context.Context, l launch.Launcher) (*pluginv1.DescribeResponse, error) {
	p, err := l.Launch(launch.Request{
		Services: func(grpc.ServiceRegistrar) {}, OnExit: func(error) {}, Log: slog.New(slog.DiscardHandler),
		Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	defer p.Stop(2 * time.Second)
	ctx, cancel := context.WithTimeout(ctx, launch.CallLimit)
	defer cancel()
	return pluginv1.NewVMServiceClient(p.Conn()).Describe(ctx, &pluginv1.DescribeRequest{})
}
