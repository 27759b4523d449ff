package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/primitives"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// The JSON that scripts rely on. What stands in testdata stays; a field may be added to both.
func TestTheJSONThatScriptsRelyOnStaysAsItIs(t *testing.T) {
	for file, value := range map[string]any{
		"devnet-status.json": &devnet.Status{DataDir: "/home/me/.reeve", Network: "devnet-1",
			Nodes: []devnet.NodeStatus{{
				Name: "v1", NodeID: primitives.NodeID{1}, Ready: true, Height: 7, LastAccepted: primitives.Hash{7},
				Peers: 3,
				HTTP:  "http://127.0.0.1:9650", Chains: []string{"kv"},
				Heads: []devnet.Head{{Chain: "kv", VM: "kvvm", Height: 7, LastAccepted: primitives.Hash{7}}},
				Processes: []devnet.ProcessStatus{{
					Name: "engine", Instance: "engine", PID: 42, Restarts: 1, State: "running",
					Since: time.Unix(1, 0).UTC(), Cause: "killed by signal 9 (killed)", RSSBytes: 1 << 20,
				}},
			}}},
		"kv-put.json": &kv.Final{Tx: primitives.Hash{1}, Height: 7, Block: primitives.Hash{7}, Millis: 12.5},
		"kv-get.json": &kv.Entry{Key: "k", Value: "v", Height: 7},
	} {
		var out bytes.Buffer
		if err := (&app{out: &out, output: "json"}).show(value, nil); err != nil {
			t.Fatal(err)
		}
		golden, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := json.Unmarshal(golden, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}
