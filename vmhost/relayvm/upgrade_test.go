package relayvm

import (
	"bytes"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
)

var newCode = bytes.Repeat([]byte("new code "), 10_000) // two parts

// code is a para's code at a height, between: with a candidate in between.
func (n *network) code(para uint32, height uint64, between *uint64) string {
	n.t.Helper()
	a, whole, err := n.answered(n.last, askCode(para, height, between))
	if err != nil {
		n.t.Fatal(err)
	}
	ref := a.GetValidationCode().GetCode()
	if ref == nil {
		return ""
	}
	if len(whole.Blobs) != 1 || primitives.Hash(whole.Blobs[0].Hash) != primitives.Hash(ref.GetHash()) {
		n.t.Fatal("the answer doesn't say what it names")
	}
	code, err := whole.Blobs[0].Load(ctx)
	if err != nil || primitives.HashOf(code) != primitives.Hash(ref.GetHash()) || uint64(len(code)) != ref.GetSize() {
		n.t.Fatalf("%d bytes of %d, or others: %v", len(code), ref.GetSize(), err)
	}
	return string(code)
}

func (n *network) upload(code []byte) string {
	n.t.Helper()
	var parts []Call
	for _, u := range Uploads(code) {
		parts = append(parts, u)
	}
	return n.does(alice, parts...)
}

// R4: a candidate brings new code. The old one holds until a candidate on a relay parent at or after the announced
// height is included; that one was still judged by the old code.
func TestR4NewCodeIsInForceAfterItsDelay(t *testing.T) {
	n := startNetwork(t, 4, func(g *Genesis) {
		g.Configuration.ValidationUpgradeDelay, g.Configuration.AcceptancePeriod = 3, 6
	})
	if why := n.upload(newCode); why != "" {
		t.Fatal(why)
	}
	upgrade := func(d *draft) {
		d.Commitments.NewValidationCode = codeOf(newCode)
	}
	n.next(offers(n.made(100, free, "head 1", upgrade))) // on 1
	n.available(0, 3)
	p := n.last.after.world.paras[100]
	if p.Upgrade == nil || p.Upgrade.At != 4 {
		t.Fatalf("%+v", p)
	}
	early := n.try(offers(n.made(100, free, "head 2", upgrade)))
	contains(t, "an upgrade while one waits", early, "PREMATURE_CODE_UPGRADE")
	n.next(offers(n.made(100, free, "head 2", nil))) // on 3: too early
	n.available(0, 3)
	if n.last.after.world.paras[100].Upgrade == nil {
		t.Fatal("new code before its time")
	}
	n.next(offers(n.made(100, free, "head 3", nil))) // on 5
	at := uint64(5)
	if got := n.code(100, n.last.Height(), &at); got != string(newCode) {
		t.Errorf("if what waits is included, the code is %.8q", got)
	}
	if got := n.code(100, n.last.Height(), nil); got != string(oldCode) {
		t.Errorf("before that it is %.8q", got)
	}
	n.available(0, 3)
	for height, want := range map[uint64][]byte{4: oldCode, 5: newCode, 7: newCode} {
		if got := n.code(100, height, nil); got != string(want) {
			t.Errorf("at %d the code is %.8q", height, got)
		}
	}
	contains(t, "a candidate of the old code", n.try(offers(n.made(100, free, "head 4", nil))), "judged by the code")
	n.next(offers(n.made(100, free, "head 4", func(d *draft) {
		d.Descriptor.Collation.ValidationCodeHash = primitives.HashOf(newCode)
	})))
	n.grow(6)
	if got := n.code(100, 4, nil); got != "" {
		t.Errorf("after the acceptance period the old code is %.8q", got)
	}
}

func TestAnOwnersUpgradeNeedsNoCandidate(t *testing.T) {
	n := startNetwork(t, 4, func(g *Genesis) { g.Configuration.ValidationUpgradeDelay = 2 })
	hash := primitives.HashOf(newCode)
	if why := n.does(alice, UpgradeCode{100, hash}); why == "" {
		t.Error("code that isn't there")
	}
	if why := n.upload(newCode); why != "" {
		t.Fatal(why)
	}
	if why := n.does(bob, UpgradeCode{100, hash}); why != "para 100 has another owner" {
		t.Error(why)
	}
	if why := n.does(alice, UpgradeCode{100, hash}, UpgradeCode{100, hash}); why == "" {
		t.Error("two upgrades at once")
	}
	n.grow(1)
	if got := n.code(100, n.last.Height(), nil); got != string(oldCode) {
		t.Errorf("too early: %.8q", got)
	}
	n.grow(1)
	if got := n.code(100, n.last.Height(), nil); got != string(newCode) {
		t.Errorf("at %d: %.8q", n.last.Height(), got)
	}
	n.next(offers(n.made(100, free, "head 1", func(d *draft) { d.Descriptor.Collation.ValidationCodeHash = hash })))
	if got := n.rpc("para", map[string]any{"para": 100}).(map[string]any)["code"]; got != hash.String() {
		t.Errorf("users see %v", got)
	}
	_, failure := n.call("code", map[string]any{"hash": primitives.Hash{1}})
	if failure["code"] != float64(codeUnknown) || n.rpc("code", map[string]any{"hash": hash}) == nil {
		t.Error(failure)
	}
}

func TestAnUploadIsPaidAndComesInOrder(t *testing.T) {
	n := startNetwork(t, 4, func(g *Genesis) { g.Configuration.CodeDeposit, g.Configuration.ParaDeposit = 1, 900 })
	parts := Uploads(newCode)
	for name, c := range map[string]struct {
		call  Call
		words string
	}{
		"the second part first": {parts[1], "the part at 61440 comes before the first one"},
		"too large": {
			Upload{Code: parts[0].Code, Size: 4 << 20, Part: parts[0].Part},
			"the code has 4194304 bytes; at most 3145728 are allowed",
		},
	} {
		if why := n.does(alice, c.call); why != c.words {
			t.Errorf("%s: %q", name, why)
		}
	}
	if why := n.does(bob, parts[0]); why != "it takes 88 and the account has 0" {
		t.Error(why)
	}
	forged := parts[1]
	forged.Part = bytes.Clone(forged.Part)
	forged.Part[0] ^= 1
	if why := n.does(alice, parts[0], parts[0]); why != "the part is at 0 of 90000; 61440 of 90000 are there" {
		t.Error(why)
	}
	if why := n.does(alice, forged); why != "the parts have another hash together; they are forgotten" {
		t.Error(why)
	}
	if why := n.does(alice, parts[0], parts[1], parts[1]); why != "" {
		t.Error(why)
	}
	register := Register{Para: 2000, Kind: Parachain, Code: parts[0].Code, Head: []byte("h")}
	if why := n.does(alice, register); why != "it takes 900 and the account has 824" {
		t.Error(why)
	}
	why := n.does(rule, Transfer{public(alice), 500}, Transfer{public(bob), 501})
	if why != "it takes 501 and the account has 500" {
		t.Error(why)
	}
	if why := n.does(alice, register, register); why != "para 2000 is registered already" {
		t.Error(why)
	}
	if got := n.rpc("account", map[string]any{"account": public(alice)}).(map[string]any)["balance"]; got != 424.0 {
		t.Errorf("the balance is %v", got)
	}
}
