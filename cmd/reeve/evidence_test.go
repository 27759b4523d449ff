package main

import (
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/disk"
	store "github.com/reevenet/reeve/internal/store/evidence"
)

// twice is evidence against validator i: two commit votes of round 0 of a height of kv.
func (c *council) twice(t *testing.T, i int, height uint64) *evidence.Evidence {
	t.Helper()
	var both [2]evidence.Signed
	for n := range both {
		payload, err := signbytes.Vote{
			NetworkID: c.Number(), ChainID: c.chain().ID, Height: height, Phase: signbytes.Commit,
			Block: primitives.Hash{byte(n)},
		}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		both[n] = evidence.Signed{Payload: payload, Signature: [64]byte(ed25519.Sign(keyOf(i), payload))}
	}
	e, err := evidence.New(keyOf(i).Public().(ed25519.PublicKey), both[0], both[1])
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEvidenceThatANodeKeepsIsListedAndShown(t *testing.T) {
	c := newCouncil(t.TempDir())
	h := c.join(t)
	if _, out, errs := command(t, c.dir, "evidence", "ls", "-o", "json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("a new node has %s %s", out, errs)
	}
	kept, err := store.Open(disk.OS{}, h.Evidence("kv"))
	if err != nil {
		t.Fatal(err)
	}
	e := c.twice(t, 2, 7)
	if _, err := kept.Keep(e); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(h.Evidence("kv"), primitives.Hash{0xff}.String()+store.Suffix)
	if err := os.WriteFile(damaged, []byte("something"), 0o644); err != nil {
		t.Fatal(err)
	}

	_, out, errs := command(t, c.dir, "evidence", "ls", "-o", "json")
	var list []fault
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 2 {
		t.Fatal(out, errs, err)
	}
	for _, f := range list {
		if ours := f.ID == e.ID(); ours != (f.Validator == "v3" && f.Stake == 3 && f.Height == 7 && f.Trouble == "") {
			t.Errorf("%+v", f)
		}
	}
	_, out, _ = command(t, c.dir, "evidence", "ls")
	for _, want := range []string{"v3", "the commit vote of height 7, round 0", "doesn't hold"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q isn't in\n%s", want, out)
		}
	}
	_, out, _ = command(t, c.dir, "evidence", "show", e.ID().Short())
	for _, want := range []string{
		e.ID().String(), "v3", "commit vote for no block", "commit vote for block 01000000", "yes",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q isn't in\n%s", want, out)
		}
	}
	for line, code := range map[string]errcode.Code{
		"show 00ff":        errcode.Usage,
		"ls --chain other": errcode.OK,
		"ls --chain none":  errcode.Failed,
		"ls --node v9":     errcode.Usage,
	} {
		if got, _, errs := command(t, c.dir, strings.Fields("evidence "+line)...); got != code {
			t.Errorf("%s: %d %s", line, got, errs)
		}
	}
}

func TestEvidenceIsCheckedWithNothingButTheGenesis(t *testing.T) {
	c := newCouncil(t.TempDir())
	g := c.write(t, "g.json", c.Encode())
	verify := func(content []byte) (errcode.Code, string, string) {
		return command(t, c.dir, "evidence", "verify", c.write(t, "file", content), "--genesis", g)
	}
	good := c.twice(t, 2, 7).Encode()
	if code, out, errs := verify(good); code != errcode.OK || !strings.Contains(out, "v3") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	others := newCouncil(c.dir)
	others.Network = "others"
	forged := append([]byte{}, good...)
	forged[len(forged)-1] ^= 1
	for what, content := range map[string][]byte{
		"cut": good[:100], "nothing": nil, "too long": make([]byte, 1000), "forged": forged,
		"of another network": others.twice(t, 2, 7).Encode(), "against a stranger": c.twice(t, 9, 7).Encode(),
	} {
		code, out, errs := verify(content)
		if code != errcode.CheckFailed || out != "" || !strings.Contains(errs, "REEVE-1602") {
			t.Errorf("%s: %d %s %s", what, code, out, errs)
		}
	}
}
