package relayvm_test

import (
	"crypto/ed25519"
	"os"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/process"
	"github.com/reevenet/reeve/vmhost/relayvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmtest"
)

func TestMain(m *testing.M) {
	if os.Getenv("TEST_PLUGIN") == "relayvm" {
		vmsdk.Serve(&relayvm.VM{})
		return
	}
	os.Exit(m.Run())
}

func newVM() vmsdk.VM { return &relayvm.VM{} }

// conforms runs the kit twice: on a chain that makes blocks of transactions, and on one whose blocks come by time.
func conforms(t *testing.T, target launch.Launcher) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	g := relayvm.Genesis{
		Time: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Configuration: relayvm.DefaultConfiguration(),
	}
	g.Configuration.BlockIntervalMillis = 3600 * 1000
	g.Validators = []relayvm.Validator{{PublicKey: primitives.Hash{1}, NodeID: primitives.NodeID{1}}}
	g.Paras = []relayvm.GenesisPara{{ID: 100, Head: []byte("head"), Code: []byte("code")}}
	genesis, err := g.Encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("of transactions", func(t *testing.T) {
		vmtest.RunT(t, target, vmtest.Options{Shows: "/head", Genesis: genesis, Work: vmtest.Gossip(func(n int) []byte {
			call := relayvm.Upload{Code: primitives.HashOf([]byte{byte(n)}), Size: 1, Part: []byte{byte(n)}}
			return vmsdk.JoinTxs(relayvm.NewTx(vmtest.ChainID, key, uint64(n), call).Bytes())
		})})
	})
	t.Run("by time", func(t *testing.T) { vmtest.RunT(t, target, vmtest.Options{Shows: "/head"}) })
}

func TestItConformsAsAValue(t *testing.T)  { conforms(t, vmtest.Value(newVM)) }
func TestItConformsOverAPipe(t *testing.T) { conforms(t, vmtest.Pipe(newVM)) }

func TestItConformsAsAProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	conforms(t, process.Launcher{Path: self, Env: []string{"TEST_PLUGIN=relayvm"}, RunDir: t.TempDir()})
}
