package vmtest_test

import (
	"os"
	"testing"

	"github.com/reevenet/reeve/vmhost/kvvm"
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

func newKV() vmsdk.VM { return &kvvm.VM{} }

func TestKVConformsAsAValue(t *testing.T) {
	vmtest.RunT(t, vmtest.Value(newKV), vmtest.Options{Work: vmtest.KV()})
}

func TestKVConformsOverAPipe(t *testing.T) {
	vmtest.RunT(t, vmtest.Pipe(newKV), vmtest.Options{Work: vmtest.KV()})
}

func TestKVConformsAsAProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	vmtest.RunT(t, process.Launcher{Path: self, Env: []string{"TEST_PLUGIN=kvvm"}, RunDir: t.TempDir()}, vmtest.Options{Work: vmtest.KV()})
}
