package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/node"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/quarantine"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

func TestAQuarantinedMessageIsListedReadAndTakenOut(t *testing.T) {
	dir := t.TempDir()
	if code, _, errs := command(t, dir, "node", "init", "--vm", withPlugin(t, dir)); code != errcode.OK {
		t.Fatal(errs)
	}
	net, err := datadir.Open(filepath.Join(dir, "net"))
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := net.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := proto.Marshal(&overseerv1.Envelope{From: "engine", To: "vm", Message: &overseerv1.AllMessages{
		Kind: &overseerv1.AllMessages_Overseer{Overseer: &overseerv1.OverseerMessage{
			Kind: &overseerv1.OverseerMessage_BlockAccepted{BlockAccepted: &overseerv1.BlockAccepted{Number: 4242}},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	store := quarantine.Store{Dir: node.QuarantineDir(nodes[0])}
	if err := store.Keep(envelope, "reeve.overseer.v1.BlockAccepted", "two instances of vm ended"); err != nil {
		t.Fatal(err)
	}

	_, out, _ := command(t, dir, "bus", "quarantine", "ls", "-o", "json")
	var list []quarantine.Header
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || list[0].From != "engine" {
		t.Fatal(out, err)
	}
	if _, out, _ = command(t, dir, "bus", "quarantine", "show", list[0].ID); !strings.Contains(out, "4242") {
		t.Errorf("the message is shown as %s", out)
	}
	file := filepath.Join(dir, "message")
	if code, _, errs := command(t, dir, "bus", "quarantine", "release", list[0].ID, "--to", file); code != errcode.OK {
		t.Error(errs)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(envelope) {
		t.Errorf("it was written as %x: %v", got, err)
	}
	if code, _, errs := command(t, dir, "bus", "quarantine", "release", list[0].ID); code != errcode.Usage {
		t.Errorf("released twice: %s", errs)
	}
}
