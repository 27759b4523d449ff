package services_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	chains "github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/process"
)

// validator is the only one of a chain: overseer, keystore, engine and VM host on a real socket, the plugin in a
// process of its own.
type validator struct {
	t      *testing.T
	addr   string
	http   string
	chain  chains.Chain
	server *overseer.Server
}

func startValidator(t *testing.T) *validator {
	dir := t.TempDir()
	v := &validator{
		t: t, addr: filepath.Join(dir, "bus.sock"), http: filepath.Join(dir, "kv.sock"),
		chain: chains.Chain{NetworkID: 1, ID: primitives.HashOf([]byte("chain"))},
	}
	quiet := slog.New(slog.DiscardHandler)
	core, err := overseer.New(overseer.Config{Epoch: 1, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	kind, err := carrier.Parse("")
	if err != nil {
		t.Fatal(err)
	}
	v.server = overseer.NewServer(core, nil)
	g := v.server.Listen(grpcx.Server{Log: quiet}, kind)
	lis, err := net.Listen("unix", v.addr)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = g.Serve(lis) })
	t.Cleanup(func() { g.Stop(); v.server.Close(); serving.Wait() })
	for _, spec := range v.specs() {
		v.attach(spec)
	}
	return v
}

func (v *validator) specs() []subsystem.Spec {
	disk, self := simdisk.New(1), primitives.NodeID{1}
	signing := keystore.Config{Disk: disk.Process(), KeyFile: "/keys/signing.key", Dir: "/data"}
	secret := keys.FromSeed(keys.Signing, [32]byte{1})
	if err := signing.Signer().Put(secret); err != nil {
		v.t.Fatal(err)
	}
	public := secret.Public()
	set, err := validators.New([]validators.Validator{{Node: self, Key: public[:], Stake: 1}})
	if err != nil {
		v.t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		v.t.Fatal(err)
	}
	return []subsystem.Spec{
		keystore.Spec(signing),
		vmhost.Spec(vmhost.Config{
			Chain: "kv", ChainID: v.chain.ID, NodeID: self, HTTPSocket: v.http,
			OpenDB:   func() (database.Database, error) { return memdb.New().Open(), nil },
			Launcher: process.Launcher{Path: program, Env: []string{"TEST_PLUGIN=1"}, RunDir: v.t.TempDir()},
		}),
		engine.Spec(engine.Config{
			Chain: v.chain, NodeID: self, Validators: set, Disk: disk.Process(), Dir: "/evidence",
		}),
	}
}

// attach runs a subsystem until the test ends.
func (v *validator) attach(spec subsystem.Spec) {
	ctx, cancel := context.WithCancel(context.Background())
	attached := make(chan struct{}, 1)
	var running sync.WaitGroup
	running.Go(func() {
		_ = subsystem.Run(ctx, spec, subsystem.Options{
			Address: "unix:" + v.addr, Log: slog.New(slog.DiscardHandler),
			OnAttached: func() { attached <- struct{}{} },
		})
	})
	v.t.Cleanup(func() { cancel(); running.Wait() })
	<-attached
}

// trouble is what the engine says of one of its checks.
func (v *validator) trouble(check string) string {
	r, err := v.server.Report(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	for _, said := range r.Said {
		for _, c := range said.GetChecks() {
			if c.GetName() == check {
				return c.GetCause()
			}
		}
	}
	return ""
}

// call is a user's request to the VM.
func (v *validator) call(method, path string, body []byte) (int, string) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", v.http)
		}}}
	q, err := http.NewRequest(method, "http://node/ext/bc/kv"+path, bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	a, err := client.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer a.Body.Close()
	text, _ := io.ReadAll(a.Body)
	return a.StatusCode, string(text)
}

// until asks again and again: what is waited for is other processes' work.
func (v *validator) until(what string, done func() bool) {
	v.t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			v.t.Fatalf("never: %s", what)
		}
	}
}

var userKey = ed25519.NewKeyFromSeed(make([]byte, 32))

func (v *validator) put(nonce uint64, key string) {
	v.t.Helper()
	tx := kvvm.NewTx(v.chain.ID, userKey, nonce, kvvm.Put, []byte(key), fmt.Append(nil, nonce))
	v.until("transaction "+key+" is taken", func() bool {
		code, _ := v.call(http.MethodPost, "/tx", tx.Bytes())
		return code == http.StatusOK
	})
}

func (v *validator) has(key string) bool {
	code, _ := v.call(http.MethodGet, "/key/"+key, nil)
	return code == http.StatusOK
}
