package collate

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/collator/ledger"
	"github.com/reevenet/reeve/services/collator/para"
)

func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func account(seed byte) [ledger.KeySize]byte {
	return [ledger.KeySize]byte(key(seed).Public().(ed25519.PublicKey))
}

func transfer(from, to byte, amount, nonce uint64) ledger.Transfer {
	t := ledger.Transfer{From: account(from), To: account(to), Amount: amount, Nonce: nonce}
	t.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(key(from), t.Payload()))
	return t
}

// begin is a ledger in whose beginning account 1 has 1,000, and its head.
func begin() (*Chain, []byte) {
	state, head := Genesis(ledger.Account{Key: account(1), Balance: 1000})
	c := New(state)
	c.Now = func() time.Time { return time.Time{} }
	return c, head
}

const maxPoV = 1 << 20

// build builds on a head, and has the rules judge what came out.
func build(t *testing.T, c *Chain, head []byte) *para.Block {
	t.Helper()
	b, err := c.Build(para.Opportunity{Head: head, MaxPoV: maxPoV})
	if err != nil {
		t.Fatal(err)
	}
	if after, _, err := ledger.Validate(head, b.PoV); err != nil || !bytes.Equal(after, b.Head) {
		t.Fatalf("the block isn't valid: %v", err)
	}
	return b
}

func balance(c *Chain, of byte) uint64 {
	_, s := c.Head()
	if at, known := s.Find(account(of)); known {
		return s[at].Balance
	}
	return 0
}

func TestTransfersAreInTheNextBlockAndLaterOnesWaitForThoseBefore(t *testing.T) {
	c, head := begin()
	for _, nonce := range []uint64{1, 0, 3} {
		if err := c.Transfer(transfer(1, 2, 10, nonce)); err != nil {
			t.Fatal(err)
		}
	}
	one := build(t, c, head)
	two := build(t, c, one.Head)
	three := build(t, c, two.Head)
	build(t, c, three.Head)
	if got := balance(c, 2); got != 20 || len(c.pending) != 1 {
		t.Errorf("a balance of %d, and %d wait", got, len(c.pending))
	}
}

// What a relay chain's fork or a refusal takes back is still there to be built on.
func TestABlockThatComesToNothingIsBuiltAnew(t *testing.T) {
	c, head := begin()
	if err := c.Transfer(transfer(1, 2, 10, 0)); err != nil {
		t.Fatal(err)
	}
	one, again := build(t, c, head), build(t, c, head)
	if !bytes.Equal(one.Head, again.Head) {
		t.Error("the same transfers make another block")
	}
}

// The state that is built on all the time stays, however many blocks on it come to nothing.
func TestTheStateThatIsBuiltOnIsKept(t *testing.T) {
	c, head := begin()
	for n := range uint64(ofAccount) {
		if err := c.Transfer(transfer(1, 2, 1, n)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range maxStates + 5 {
		c.mu.Lock()
		c.pending = c.pending[:1]
		c.pending[0] = transfer(1, 2, uint64(n+1), 0)
		c.mu.Unlock()
		build(t, c, head)
	}
	if !c.Knows(head) || len(c.states) != maxStates || len(c.order) != maxStates {
		t.Error(c.Knows(head), len(c.states), len(c.order))
	}
}

// A producer that has lost everything goes on from the newest block's proof, if it is valid.
func TestTheLedgerIsRecoveredFromItsNewestBlock(t *testing.T) {
	c, genesis := begin()
	if err := c.Transfer(transfer(1, 2, 10, 0)); err != nil {
		t.Fatal(err)
	}
	one := build(t, c, genesis)
	two := build(t, c, one.Head)
	fresh, _ := begin()
	if fresh.Knows(two.Head) || !fresh.Knows([]byte("no head")) {
		t.Fatal("it knows what it has never seen, or asks the network for nonsense")
	}
	for name, b := range map[string]para.Recovered{
		"another's proof": {Parent: one.Head, PoV: one.PoV, Head: two.Head},
		"another head":    {Parent: one.Head, PoV: two.PoV, Head: one.Head},
		"nothing":         {Head: two.Head},
	} {
		if err := fresh.Recover(b); err == nil || fresh.Knows(two.Head) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := fresh.Recover(para.Recovered{Parent: one.Head, PoV: two.PoV, Head: two.Head}); err != nil {
		t.Fatal(err)
	}
	build(t, fresh, two.Head)
	if got := balance(fresh, 2); got != 10 {
		t.Errorf("a balance of %d", got)
	}
}

func TestWhatCanNotBeBuiltOnIsAnError(t *testing.T) {
	c, head := begin()
	unknown := ledger.Head{Number: 3}.Encode()
	for _, on := range []para.Opportunity{
		{Head: []byte("x"), MaxPoV: maxPoV}, {Head: unknown, MaxPoV: maxPoV}, {Head: head},
	} {
		if b, err := c.Build(on); err == nil || b != nil {
			t.Errorf("%v: %v", on, b)
		}
	}
}

func TestATransferThatCanNotBeTheNextIsRefused(t *testing.T) {
	c, _ := begin()
	for name, k := range map[string]struct {
		t    ledger.Transfer
		want error
	}{
		"of nobody":    {transfer(3, 1, 1, 0), ledger.ErrFunds},
		"too much":     {transfer(1, 2, 1001, 0), ledger.ErrFunds},
		"far too late": {transfer(1, 2, 1, ofAccount), ledger.ErrNonce},
		"forged":       {ledger.Transfer{From: account(1), To: account(2), Amount: 1}, ledger.ErrSignature},
	} {
		if err := c.Transfer(k.t); !errors.Is(err, k.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSoManyTransfersOfAnAccountWait(t *testing.T) {
	c, _ := begin()
	for n := range uint64(ofAccount) {
		if err := c.Transfer(transfer(1, 2, 1, n)); err != nil {
			t.Fatal(n, err)
		}
	}
	if err := c.Transfer(transfer(1, 2, 1, 1)); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
}

func TestSoManyTransfersWait(t *testing.T) {
	c, _ := begin()
	for n := range maxPending {
		c.pending = append(c.pending, ledger.Transfer{Nonce: uint64(n)})
	}
	if err := c.Transfer(transfer(1, 2, 1, 0)); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
}

// Transfers whose turn it is and for which the money has gone don't keep their account's place for ever.
func TestATransferThatCanNeverBeMadeIsForgotten(t *testing.T) {
	c, head := begin()
	for _, n := range []uint64{0, 1} {
		if err := c.Transfer(transfer(1, 2, 900, n)); err != nil {
			t.Fatal(err)
		}
	}
	one := build(t, c, head)
	build(t, c, one.Head)
	if len(c.pending) != 0 {
		t.Errorf("%d wait", len(c.pending))
	}
}

func TestTheTreasuryPaysTheShop(t *testing.T) {
	c, p := Demo([]byte("code"))
	if p.ID != DemoPara || len(p.Code) == 0 {
		t.Error(p)
	}
	for range 3 {
		if err := c.Pay(2); err != nil {
			t.Fatal(err)
		}
	}
	one := build(t, c, p.Head)
	build(t, c, one.Head)
	_, s := c.Head()
	at, known := s.Find([ledger.KeySize]byte(DemoPayee))
	if !known || s[at].Balance != 6 {
		t.Error(s)
	}
}

// The stages of a block are told together, once it has come to its end.
func TestABlockIsToldOfWhenItHasComeToItsEnd(t *testing.T) {
	c, head := begin()
	now := time.Unix(0, 0)
	c.Now = func() time.Time { return now }
	var told []Block
	c.Told = func(b Block) { told = append(told, b) }
	if err := c.Transfer(transfer(1, 2, 10, 0)); err != nil {
		t.Fatal(err)
	}
	b := build(t, c, head)
	name := bytes.Repeat([]byte{1}, 32)
	c.Submitted(name, b)
	for _, s := range []*primitivesv1.CollationStatus{
		{Kind: &primitivesv1.CollationStatus_Seconded{}}, {Kind: &primitivesv1.CollationStatus_Backed{}},
		{Kind: &primitivesv1.CollationStatus_Included{Included: &primitivesv1.CollationIncluded{Number: 9}}},
	} {
		now = now.Add(time.Second)
		c.Became(name, s)
		c.Became([]byte("somebody else's"), s)
	}
	if len(told) != 0 {
		t.Fatal("told of before its end")
	}
	now = now.Add(time.Second)
	c.Final(name)
	c.Final([]byte("somebody else's"))
	got := told[0]
	if got.Number != 1 || got.Transfers != 1 || got.Seconded != time.Second || got.Backed != 2*time.Second ||
		got.Included != 3*time.Second || got.Final != 4*time.Second || got.In != 9 {
		t.Errorf("%+v", got)
	}
	other := bytes.Repeat([]byte{2}, 32)
	c.Submitted(other, b)
	c.Became(other, &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Refused{
		Refused: &primitivesv1.CollationRefused{Detail: "why"}}})
	c.NotTaken(b, &primitivesv1.CollationRefused{Detail: "why not"})
	if len(told) != 3 || told[1].Refused.GetDetail() != "why" || told[2].Refused.GetDetail() != "why not" {
		t.Errorf("%+v", told)
	}
	want := Stats{Built: 1, Backed: 1, Included: 1, Final: 1, Refused: 2, Transfers: 1}
	if got := c.Stats(); got != want {
		t.Errorf("%+v", got)
	}
}

func TestSoManyBlocksAreFollowed(t *testing.T) {
	c, head := begin()
	b := build(t, c, head)
	for n := range maxUnderWay + 3 {
		c.Submitted(bytes.Repeat([]byte{byte(n)}, 32), b)
	}
	if len(c.underWay) != maxUnderWay || len(c.latest) != maxUnderWay {
		t.Error(len(c.underWay), len(c.latest))
	}
}

// call asks the ledger's door.
func call(c *Chain, method, path, body string) (code int, answer string) {
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	text, _ := io.ReadAll(w.Result().Body) // of a recorder
	return w.Code, string(text)
}

func TestUsersPostTransfersAndReadTheirAccounts(t *testing.T) {
	c, head := begin()
	one, two := hex.EncodeToString(account1()), fmt.Sprintf("%x", account(2))
	post := func(tx ledger.Transfer) string { return hex.EncodeToString(tx.Encode()) + "\n" }
	for _, k := range []struct {
		method, path, body string
		code               int
		says               string
	}{
		{"GET", "/accounts/" + one, "", http.StatusOK, `"balance":1000`},
		{"GET", "/accounts/" + two, "", http.StatusNotFound, "no such account"},
		{"GET", "/accounts/" + one + "00", "", http.StatusBadRequest, "64 hexadecimal"},
		{"GET", "/accounts/xyz", "", http.StatusBadRequest, "64 hexadecimal"},
		{"POST", "/transfers", post(transfer(1, 2, 7, 0)), http.StatusAccepted, ""},
		{"POST", "/transfers", post(transfer(2, 1, 7, 0)), http.StatusBadRequest, ledger.ErrFunds.Error()},
		{"POST", "/transfers", "nonsense", http.StatusBadRequest, "hexadecimal"},
		{"POST", "/transfers", "00", http.StatusBadRequest, "bytes"},
		{"POST", "/transfers", strings.Repeat("0", 1<<16), http.StatusRequestEntityTooLarge, "shorter"},
		{"GET", "/nothing", "", http.StatusNotFound, ""},
	} {
		if code, got := call(c, k.method, k.path, k.body); code != k.code || !strings.Contains(got, k.says) {
			t.Errorf("%s %s: %d %s", k.method, k.path, code, got)
		}
	}
	build(t, c, build(t, c, head).Head)
	if _, got := call(c, "GET", "/accounts/"+two, ""); !strings.Contains(got, `"balance":7`) {
		t.Error(got)
	}
	if _, got := call(c, "GET", "/head", ""); !strings.Contains(got, `"number":1`) {
		t.Error(got)
	}
	c.pending = make([]ledger.Transfer, maxPending)
	if code, _ := call(c, "POST", "/transfers", post(transfer(1, 2, 7, 1))); code != http.StatusServiceUnavailable {
		t.Error(code)
	}
}

func account1() []byte { a := account(1); return a[:] }

// FuzzPost: what a user posts is a transfer, or refused.
func FuzzPost(f *testing.F) {
	f.Add(hex.EncodeToString(transfer(1, 2, 7, 0).Encode()))
	f.Fuzz(func(t *testing.T, body string) {
		c, head := begin()
		call(c, "POST", "/transfers", body)
		build(t, c, head)
	})
}
