package services_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// The test's own binary is the plugin.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_PLUGIN") != "" {
		vmsdk.Serve(&deadlyVM{})
		return
	}
	os.Exit(m.Run())
}

// deadlyVM is kvvm that ends when it is shown a block with the word deadly in it.
type deadlyVM struct{ kvvm.VM }

func (vm *deadlyVM) ParseBlock(ctx context.Context, content []byte) (vmsdk.Block, error) {
	if bytes.Contains(content, []byte("deadly")) {
		os.Exit(3)
	}
	return vm.VM.ParseBlock(ctx, content)
}

// A plugin's process ends on one block, each time it sees it. The other blocks are final meanwhile.
func TestAPluginThatDiesOnOneBlockServesAllTheOthers(t *testing.T) {
	v := startValidator(t)
	v.put(0, "before")
	v.until("the first is final", func() bool { return v.has("before") })
	v.put(1, "deadly")
	v.until("the engine names the block", func() bool {
		return strings.Contains(v.trouble("judging"), "at height 2 by validator 0")
	})
	if v.has("deadly") {
		t.Fatal("a block that no VM has judged is final")
	}
	for nonce, key := range []string{1: "a", 2: "b", 3: "c"} {
		if key != "" {
			v.put(uint64(nonce), key)
			v.until(key+" is final", func() bool { return v.has(key) })
		}
	}
	if why := v.trouble("judging"); why != "" || v.has("deadly") {
		t.Errorf("in the end it says %q; deadly is final: %v", why, v.has("deadly"))
	}
}
