package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

var spoken = signbytes.Context{Session: 3, RelayParent: primitives.Hash{0xab}}

// candidateOf is the one that the offences are about.
func candidateOf() candidate.Receipt {
	return candidate.Receipt{Descriptor: candidate.Descriptor{
		Collation: signbytes.Collation{ParaID: 2000, RelayParent: spoken.RelayParent}}}
}

// speaks is a statement of validator i.
func speaks(t *testing.T, i int, v signbytes.Verdict) *primitivesv1.SignedStatement {
	t.Helper()
	s := statements.Signed{Verdict: v, Candidate: candidateOf().Hash(), Validator: uint32(i)}
	payload, err := s.Payload(spoken).Encode()
	if err != nil {
		t.Fatal(err)
	}
	s.Signature = [64]byte(ed25519.Sign(keyOf(i), payload))
	return parachain.StatementMessage(s)
}

// The offences of these tests.
func contradicts(t *testing.T, i int) *misbehaviorv1.MisbehaviorReport {
	return &misbehaviorv1.MisbehaviorReport{
		Context: parachain.ContextMessage(spoken),
		Kind: &misbehaviorv1.MisbehaviorReport_SelfContradiction{SelfContradiction: &misbehaviorv1.SelfContradiction{
			Receipt: parachain.ReceiptMessage(candidateOf()), First: speaks(t, i, signbytes.Valid),
			Second: speaks(t, i, signbytes.Invalid)}}}
}

func intrudes(t *testing.T, i int) *misbehaviorv1.MisbehaviorReport {
	return &misbehaviorv1.MisbehaviorReport{
		Context: parachain.ContextMessage(spoken),
		Kind: &misbehaviorv1.MisbehaviorReport_UnauthorizedStatement{
			UnauthorizedStatement: &misbehaviorv1.UnauthorizedStatement{
				Receipt: parachain.ReceiptMessage(candidateOf()), Statement: speaks(t, i, signbytes.Valid)}}}
}

func disagree(t *testing.T, yes, no int) *misbehaviorv1.MisbehaviorReport {
	return &misbehaviorv1.MisbehaviorReport{
		Context: parachain.ContextMessage(spoken),
		Kind: &misbehaviorv1.MisbehaviorReport_CandidateValidityDisagreement{
			CandidateValidityDisagreement: &misbehaviorv1.CandidateValidityDisagreement{
				Receipt: parachain.ReceiptMessage(candidateOf()),
				Statements: []*primitivesv1.SignedStatement{
					speaks(t, yes, signbytes.Seconded), speaks(t, no, signbytes.Invalid)}}}}
}

// filed is evidence as a node keeps it.
func filed(t *testing.T, r *misbehaviorv1.MisbehaviorReport) (id primitives.Hash, file []byte) {
	t.Helper()
	f, err := offence.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	id = f.ID()
	e := &misbehaviorv1.QueryEvidenceResponse{Id: id[:], Report: r, Group: []uint32{0, 1}}
	all, offends := f.Signatories()
	for _, v := range all {
		e.Signatories = append(e.Signatories, &misbehaviorv1.Signatory{Index: v, Offender: offends(v),
			Validator: &primitivesv1.Validator{PublicKey: keyOf(int(v)).Public().(ed25519.PublicKey)}})
	}
	if file, err = proto.Marshal(e); err != nil {
		t.Fatal(err)
	}
	return id, file
}

// keeps puts evidence where the node of the council has it.
func (c *council) keeps(t *testing.T, h datadir.Node, r *misbehaviorv1.MisbehaviorReport) primitives.Hash {
	t.Helper()
	id, file := filed(t, r)
	dir := h.Evidence(c.Chains[0].Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, id.String()+offence.Suffix), file, 0o644); err != nil {
		t.Fatal(err)
	}
	return id
}

// relays makes the council's first chain its relay chain.
func (c *council) relays() *council {
	c.Chains[0].Parachains = true
	return c
}

func TestOffencesThatANodeKeepsAreListedShownAndExported(t *testing.T) {
	c := newCouncil(t.TempDir()).relays()
	h := c.join(t)
	lied := c.keeps(t, h, contradicts(t, 2))
	c.keeps(t, h, disagree(t, 0, 1))
	intruded := c.keeps(t, h, intrudes(t, 3))
	damaged := filepath.Join(h.Evidence(c.Chains[0].Name), primitives.Hash{0xff}.String()+offence.Suffix)
	if err := os.WriteFile(damaged, []byte("something"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, out, errs := command(t, c.dir, "evidence", "ls", "-o", "json")
	var list []fault
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 4 {
		t.Fatal(out, errs, err)
	}
	against := map[string]string{
		"self-contradiction": "v3", "disagreement on validity": "", "unauthorized statement": "v4", "": "",
	}
	for _, f := range list {
		if who, ok := against[f.Kind]; !ok || f.Validator != who || (f.Trouble != "") != (f.Kind == "") {
			t.Errorf("%+v", f)
		}
		delete(against, f.Kind)
	}
	for id, wants := range map[string][]string{
		lied.Short():     {lied.String(), "v3", "valid, candidate", "invalid, candidate", "session 3", "yes"},
		intruded.Short(): {"v4", "validators [0 1] back para 2000, says the node"},
	} {
		_, out, errs = command(t, c.dir, "evidence", "show", id)
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%q isn't in\n%s%s", want, out, errs)
			}
		}
	}
	to := filepath.Join(c.dir, "exported")
	if code, _, errs := command(t, c.dir, "evidence", "export", lied.Short(), "--out", to); code != errcode.OK {
		t.Fatal(errs)
	}
	g := c.write(t, "g.json", c.Encode())
	if code, out, errs := command(t, t.TempDir(), "evidence", "verify", to, "--genesis", g); code != errcode.OK ||
		!strings.Contains(out, "v3") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	_, file := filed(t, contradicts(t, 2))
	if _, out, _ := command(t, c.dir, "evidence", "export", lied.Short(), "--out", "-"); out != string(file) {
		t.Errorf("%d bytes", len(out))
	}
	if code, _, errs := command(t, c.dir, "evidence", "export", "ff0000"); code != errcode.CheckFailed {
		t.Errorf("damaged: %d %s", code, errs)
	}
}

func TestAnOffenceIsCheckedWithNothingButTheGenesis(t *testing.T) {
	c := newCouncil(t.TempDir()).relays()
	g := c.write(t, "g.json", c.Encode())
	verify := func(genesis string, content []byte) (errcode.Code, string, string) {
		return command(t, c.dir, "evidence", "verify", c.write(t, "file", content), "--genesis", genesis)
	}
	_, good := filed(t, contradicts(t, 2))
	_, quarrel := filed(t, disagree(t, 0, 1))
	if code, out, errs := verify(g, quarrel); code != errcode.OK || !strings.Contains(out, "invalid, say v2") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	forged := bytes.Clone(good)
	at := bytes.Index(forged, contradicts(t, 2).GetSelfContradiction().GetFirst().GetSignature())
	forged[at] ^= 1
	_, stranger := filed(t, contradicts(t, 9))
	_, member := filed(t, intrudes(t, 1))
	without := newCouncil(c.dir)
	without.Network = "without"
	for what, try := range map[string]struct {
		genesis string
		content []byte
	}{
		"cut": {g, good[:len(good)-9]}, "forged": {g, forged}, "against a stranger": {g, stranger},
		"by a member of the group": {g, member}, "too long": {g, make([]byte, offence.MaxFile+1)},
		"of a network without parachains": {without.write(t, "w.json", without.Encode()), good},
	} {
		code, out, errs := verify(try.genesis, try.content)
		if code != errcode.CheckFailed || out != "" || !strings.Contains(errs, "REEVE-1602") {
			t.Errorf("%s: %d %s %s", what, code, out, errs)
		}
	}
}
