package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proof"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
)

// council is a network whose validators' keys the test has.
type council struct {
	*genesis.Genesis
	dir string
}

func keyOf(i int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
}

// newCouncil has four validators, v1 to v4, with stakes 1 to 4, and the chains kv and other.
func newCouncil(dir string) *council {
	g := &genesis.Genesis{Network: "council"}
	for i := range 4 {
		g.Validators = append(g.Validators, genesis.Validator{
			Name: fmt.Sprintf("v%d", i+1), NodeID: primitives.NodeID{byte(i + 1)},
			PublicKey: primitives.Hash(keyOf(i).Public().(ed25519.PublicKey)), Stake: uint64(i + 1),
		})
	}
	for _, name := range []string{"kv", "other"} {
		g.Chains = append(g.Chains, genesis.Chain{ID: genesis.ChainID("council", name), Name: name, VM: "kvvm"})
	}
	return &council{Genesis: g, dir: dir}
}

// write puts a file into the test's directory.
func (c *council) write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func (c *council) chain() block.Chain { return block.Chain{NetworkID: c.Number(), ID: c.Chains[0].ID} }

// decide is the proof of block 5 of kv, by validator v2, certified by v2, v3 and v4.
func (c *council) decide(t *testing.T) *proof.Proof {
	t.Helper()
	h, body := block.Header{Height: 5, Time: 1000, Proposer: 1}, block.Body(nil, []byte("content"))
	payload, err := h.Payload(c.chain(), primitives.HashOf(body)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := block.New(c.chain(), h, body, ed25519.Sign(keyOf(1), payload))
	if err != nil {
		t.Fatal(err)
	}
	v := finality.Vote{Round: 1, Phase: finality.Commit, Block: b.ID()}
	vote, err := v.Payload(c.chain().NetworkID, c.chain().ID, 5).Encode()
	if err != nil {
		t.Fatal(err)
	}
	p := &proof.Proof{Header: b.Sealed(c.chain())}
	p.Certificate = &finality.Proof{Phase: v.Phase, Round: v.Round, Block: v.Block}
	for i := 1; i < 4; i++ {
		s := finality.Signature{Validator: i, Signature: [64]byte(ed25519.Sign(keyOf(i), vote))}
		p.Certificate.Votes = append(p.Certificate.Votes, s)
	}
	return p
}

func TestAProofIsCheckedWithNothingButTheGenesis(t *testing.T) {
	c := newCouncil(t.TempDir())
	g, file := c.write(t, "g.json", c.Encode()), c.write(t, "kv.proof", c.decide(t).Encode())
	for _, more := range [][]string{nil, {"--chain", "kv"}, {"--chain", c.Chains[0].ID.String()}} {
		line := append([]string{"chain", "verify", file, "--genesis", g, "-o", "json"}, more...)
		code, out, errs := command(t, c.dir, line...)
		var p proven
		if err := json.Unmarshal([]byte(out), &p); code != errcode.OK || err != nil {
			t.Fatal(code, errs, err)
		}
		if p.Chain != "kv" || p.Height != 5 || p.Block != c.decide(t).Header.ID() || p.Round != 1 ||
			p.Stake != 9 || p.TotalStake != 10 || p.Quorum != 7 || len(p.Signed) != 3 || p.Signed[0].Name != "v2" {
			t.Errorf("%+v", p)
		}
	}
	_, out, _ := command(t, c.dir, "chain", "verify", file, "--genesis", g)
	for _, want := range []string{"council", "1970-01-01T00:00:01Z", "9 of 10 signed, 7 are a quorum", "v2, v3, v4"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q isn't in\n%s", want, out)
		}
	}
}

// fails checks that a file doesn't hold, and that the message says why.
func (c *council) fails(t *testing.T, what string, file []byte, g *genesis.Genesis, says string, more ...string) {
	t.Helper()
	line := []string{"chain", "verify", c.write(t, "file", file), "--genesis", c.write(t, "g.json", g.Encode())}
	code, out, errs := command(t, c.dir, append(line, more...)...)
	switch {
	case code != errcode.CheckFailed || out != "" || !strings.Contains(errs, "REEVE-1601"):
		t.Errorf("%s: exit code %d, %q; on standard output %q", what, code, errs, out)
	case !strings.Contains(errs, says):
		t.Errorf("%s: %q should say %q", what, errs, says)
	}
}

func TestAProofOfSomethingElseIsExitCode5(t *testing.T) {
	c := newCouncil(t.TempDir())
	good := c.decide(t).Encode()
	others, robbed := newCouncil(c.dir), newCouncil(c.dir)
	others.Network = "others"
	robbed.Validators[3].Stake = 100 // another network: its number is of the whole genesis
	c.fails(t, "cut", good[:len(good)-1], c.Genesis, "aren't the length")
	c.fails(t, "nothing", nil, c.Genesis, "doesn't begin with")
	c.fails(t, "too long", make([]byte, proof.MaxSize+1), c.Genesis, "at most")
	c.fails(t, "another chain", good, c.Genesis, "about chain kv, not other", "--chain", "other")
	c.fails(t, "another network", good, others.Genesis, "it is about network")
	c.fails(t, "another set", good, robbed.Genesis, "it is about network")
}

func TestAProofThatWasChangedIsExitCode5(t *testing.T) {
	c := newCouncil(t.TempDir())
	type (
		header = block.Sealed
		votes  = finality.Proof
	)
	const other = "the votes are for block"
	for what, change := range map[string]struct {
		f    func(*header, *votes)
		says string
	}{
		"network":            {func(h *header, _ *votes) { h.Payload.NetworkID++ }, "it is about network"},
		"chain":              {func(h *header, _ *votes) { h.Payload.ChainID[0]++ }, "no such chain"},
		"another's chain":    {func(h *header, _ *votes) { h.Payload.ChainID = c.Chains[1].ID }, other},
		"height":             {func(h *header, _ *votes) { h.Payload.Height++ }, other},
		"parent":             {func(h *header, _ *votes) { h.Payload.ParentID[0]++ }, other},
		"slot":               {func(h *header, _ *votes) { h.Payload.Slot++ }, other},
		"time":               {func(h *header, _ *votes) { h.Payload.Time++ }, other},
		"body":               {func(h *header, _ *votes) { h.Payload.BodyHash[0]++ }, other},
		"proposer":           {func(h *header, _ *votes) { h.Proposer++ }, other},
		"header's signature": {func(h *header, _ *votes) { h.Signature[0]++ }, other},
		"block":              {func(_ *header, f *votes) { f.Block[0]++ }, other},
		"round":              {func(_ *header, f *votes) { f.Round++ }, "of validator 1 is wrong"},
		"phase":              {func(_ *header, f *votes) { f.Phase = finality.Prepare }, "prepare"},
		"signature":          {func(_ *header, f *votes) { f.Votes[2].Signature[0]++ }, "of validator 3 is wrong"},
		"validator":          {func(_ *header, f *votes) { f.Votes[0].Validator = 0 }, "of validator 0 is wrong"},
		"stranger":           {func(_ *header, f *votes) { f.Votes[2].Validator = 4 }, "no validator 4 of 4"},
		"number of votes":    {func(_ *header, f *votes) { f.Votes = f.Votes[:2] }, "a quorum is 7"},
	} {
		p := c.decide(t)
		change.f(&p.Header, p.Certificate)
		c.fails(t, what, p.Encode(), c.Genesis, change.says)
	}
}

func TestAProofIsNotCheckedAgainstSomethingElse(t *testing.T) {
	c := newCouncil(t.TempDir())
	g, file := c.write(t, "g.json", c.Encode()), c.write(t, "kv.proof", c.decide(t).Encode())
	for what, p := range map[string]struct {
		args []string
		code errcode.Code
	}{
		"no file":          {[]string{file + "x", "--genesis", g}, errcode.Failed},
		"no genesis":       {[]string{file, "--genesis", g + "x"}, errcode.Usage},
		"the wrong file":   {[]string{file, "--genesis", file}, errcode.Usage},
		"no network":       {[]string{file}, errcode.Usage},
		"no such chain":    {[]string{file, "--genesis", g, "--chain", "none"}, errcode.Failed},
		"nothing to check": {nil, errcode.Usage},
	} {
		if code, _, errs := command(t, c.dir, append([]string{"chain", "verify"}, p.args...)...); code != p.code {
			t.Errorf("%s: exit code %d, want %d: %s", what, code, p.code, errs)
		}
	}
}

// join makes a node of the network in the test's directory.
func (c *council) join(t *testing.T) datadir.Node {
	t.Helper()
	line := []string{"node", "init", "--genesis", c.write(t, "g.json", c.Encode()), "--vm", withPlugin(t, c.dir)}
	if code, _, errs := command(t, c.dir, line...); code != errcode.OK {
		t.Fatal(errs)
	}
	net, err := datadir.Open(filepath.Join(c.dir, "net"))
	if err != nil {
		t.Fatal(err)
	}
	return net.Node("v1")
}

// serve is the node's door for clients, as its overseer opens it, with what it says of blocks.
func (c *council) serve(t *testing.T, h datadir.Node, says gateway.Config) {
	t.Helper()
	kv := gateway.Chain{ID: c.Chains[0].ID, Name: "kv", Height: 5, LastAccepted: c.decide(t).Header.ID()}
	info := &gateway.Info{NodeID: datadir.NodeID(h), Chains: []gateway.Chain{kv}}
	says.Hosts = []string{"*"}
	says.Info = func(context.Context) (*gateway.Info, error) { return info, nil }
	s := httptest.NewServer(gateway.New(says).Handler())
	t.Cleanup(s.Close)
	t.Setenv("REEVE_HTTP_LISTEN", strings.TrimPrefix(s.URL, "http://"))
}

func TestANodeIsAskedForAProofWhichIsCheckedAndWritten(t *testing.T) {
	c := newCouncil(t.TempDir())
	t.Chdir(c.dir)
	h, id := c.join(t), c.decide(t).Header.ID().String()
	c.serve(t, h, gateway.Config{Proof: func(_ context.Context, _, at string) ([]byte, error) {
		switch at {
		case "0":
			return nil, fmt.Errorf("%w: it is the genesis block", gateway.ErrNoProof)
		case "4":
			p := c.decide(t)
			p.Certificate.Votes = nil
			return p.Encode(), nil
		case "5", id:
			return c.decide(t).Encode(), nil
		}
		return nil, gateway.ErrNoBlock
	}})
	for _, at := range []string{"5", id, "latest"} {
		os.Remove("kv-5.proof")
		code, out, errs := command(t, c.dir, "chain", "proof", at)
		if code != errcode.OK || !strings.Contains(out, "kv-5.proof") {
			t.Fatalf("block %s: %d %s %s", at, code, out, errs)
		}
		if code, _, errs := command(t, c.dir, "chain", "verify", "kv-5.proof"); code != errcode.OK {
			t.Errorf("block %s: %d %s", at, code, errs)
		}
	}
	if _, out, _ := command(t, c.dir, "chain", "proof", "5", "--out", "-"); out != string(c.decide(t).Encode()) {
		t.Errorf("on standard output: %q", out)
	}
	if code, _, errs := command(t, c.dir, "chain", "proof", "5", "--out", "elsewhere"); code != errcode.OK {
		t.Error(errs)
	} else if got, err := os.ReadFile("elsewhere"); err != nil || string(got) != string(c.decide(t).Encode()) {
		t.Errorf("%q, %v", got, err)
	}
	for at, want := range map[string]struct {
		code errcode.Code
		says string
	}{
		"0":    {errcode.Failed, "it is the genesis block"},
		"4":    {errcode.CheckFailed, "proves nothing"},
		"6":    {errcode.Failed, "no accepted block 6"},
		"../x": {errcode.Usage, "neither a block's id"},
		"last": {errcode.Usage, `nor "latest"`},
	} {
		code, out, errs := command(t, c.dir, "chain", "proof", at)
		if code != want.code || !strings.Contains(errs, want.says) || out != "" {
			t.Errorf("block %s: %d %s", at, code, errs)
		}
	}
}
