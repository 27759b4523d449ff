package kvvm_test

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"testing"

	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/process"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmtest"
)

func TestMain(m *testing.M) {
	if os.Getenv("TEST_PLUGIN") == "kvvm" {
		vmsdk.Serve(&kvvm.VM{})
		return
	}
	os.Exit(m.Run())
}

func newVM() vmsdk.VM { return &kvvm.VM{} }

func conforms(t *testing.T, target launch.Launcher) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	vmtest.RunT(t, target, vmtest.Options{Shows: "/head", Work: vmtest.Gossip(func(n int) []byte {
		k, v := fmt.Appendf(nil, "key %d", n%3), fmt.Appendf(nil, "value %d", n)
		return vmsdk.JoinTxs(kvvm.NewTx(vmtest.ChainID, key, uint64(n), kvvm.Put, k, v).Bytes())
	})})
}

func TestItConformsAsAValue(t *testing.T) { conforms(t, vmtest.Value(newVM)) }

func TestItConformsOverAPipe(t *testing.T) { conforms(t, vmtest.Pipe(newVM)) }

func TestItConformsAsAProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	conforms(t, process.Launcher{Path: self, Env: []string{"TEST_PLUGIN=kvvm"}, RunDir: t.TempDir()})
}
