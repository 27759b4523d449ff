package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/services/collator/ledger"
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

// state has accounts with balances by seed.
func state(balances map[byte]uint64) (s ledger.State) {
	for seed, balance := range balances {
		at, _ := s.Find(account(seed))
		s = slices.Insert(s, at, ledger.Account{Key: account(seed), Balance: balance})
	}
	return s
}

func balance(s ledger.State, seed byte) uint64 {
	at, known := s.Find(account(seed))
	if !known {
		return 0
	}
	return s[at].Balance
}

func total(s ledger.State) (sum uint64) {
	for _, a := range s {
		sum += a.Balance
	}
	return sum
}

func TestATransferMovesItsAmountOnce(t *testing.T) {
	s := state(map[byte]uint64{1: 10})
	pay := transfer(1, 2, 4, 0)
	if err := s.Apply(pay); err != nil || balance(s, 1) != 6 || balance(s, 2) != 4 {
		t.Fatal(err, s)
	}
	if err := s.Apply(pay); !errors.Is(err, ledger.ErrNonce) {
		t.Error(err)
	}
	if err := s.Apply(transfer(1, 1, 6, 1)); err != nil || balance(s, 1) != 6 {
		t.Error("to oneself", err, s)
	}
}

// Each rule that a transfer can break leaves the state as it was.
func TestATransferThatIsNotValidChangesNothing(t *testing.T) {
	forged, changed := transfer(2, 1, 1, 0), transfer(1, 2, 1, 0)
	forged.From = account(1)
	changed.Amount = 2
	for name, c := range map[string]struct {
		t    ledger.Transfer
		want error
	}{
		"more than there is":  {transfer(1, 2, 11, 0), ledger.ErrFunds},
		"of nobody":           {transfer(3, 1, 0, 0), ledger.ErrFunds},
		"all there can be":    {transfer(1, 2, math.MaxUint64, 0), ledger.ErrFunds},
		"a later one":         {transfer(1, 2, 1, 1), ledger.ErrNonce},
		"signed by another":   {forged, ledger.ErrSignature},
		"changed on its way":  {changed, ledger.ErrSignature},
		"without a signature": {ledger.Transfer{From: account(1), To: account(2), Amount: 1}, ledger.ErrSignature},
	} {
		s := state(map[byte]uint64{1: 10, 2: 5})
		before := slices.Clone(s)
		if err := s.Apply(c.t); !errors.Is(err, c.want) || !slices.Equal(s, before) {
			t.Errorf("%s: %v, %v", name, err, s)
		}
	}
}

// Of a ledger that is full everybody can pay to the accounts that there are.
func TestSoManyAccountsThereMayBe(t *testing.T) {
	s := state(map[byte]uint64{1: 10, 2: 0})
	for n := uint32(0); len(s) < ledger.MaxAccounts; n++ {
		var a ledger.Account
		binary.BigEndian.PutUint32(a.Key[:], n)
		at, _ := s.Find(a.Key)
		s = slices.Insert(s, at, a)
	}
	if err := s.Apply(transfer(1, 3, 1, 0)); !errors.Is(err, ledger.ErrAccounts) || len(s) != ledger.MaxAccounts {
		t.Error(err, len(s))
	}
	if err := s.Apply(transfer(1, 2, 1, 0)); err != nil {
		t.Error(err)
	}
}

// drawn is a state and a proof of validity on it, some of whose transfers are valid.
func drawn(t *rapid.T) ledger.Proof {
	balances := rapid.MapOfN(rapid.ByteRange(1, 6), rapid.Uint64Range(0, 100), 0, 6).Draw(t, "balances")
	p := ledger.Proof{Before: state(balances)}
	nonces := map[byte]uint64{}
	for range rapid.IntRange(0, 8).Draw(t, "transfers") {
		from, to := rapid.ByteRange(1, 7).Draw(t, "from"), rapid.ByteRange(1, 7).Draw(t, "to")
		nonce := nonces[from] + rapid.SampledFrom([]uint64{0, 0, 0, 0, 1}).Draw(t, "skipped")
		p.Transfers = append(p.Transfers, transfer(from, to, rapid.Uint64Range(0, 60).Draw(t, "amount"), nonce))
		nonces[from]++
	}
	return p
}

// Whatever is tried, no money is made and none is lost, and the accounts stay in their order.
func TestMoneyIsNeitherMadeNorLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		s := slices.Clone(p.Before)
		for _, tx := range p.Transfers {
			_ = s.Apply(tx)
			if total(s) != total(p.Before) {
				t.Fatalf("%d before, %d now", total(p.Before), total(s))
			}
		}
		if !slices.IsSortedFunc(s, func(a, b ledger.Account) int { return bytes.Compare(a.Key[:], b.Key[:]) }) {
			t.Fatal("accounts out of order")
		}
	})
}

// Validating a block comes to what applying its transfers comes to: the same head, or the same refusal.
func TestValidatingABlockIsApplyingItsTransfers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		number := rapid.Uint64Range(0, 1<<40).Draw(t, "number")
		parent := ledger.Head{Number: number, State: p.Before.Hash()}.Encode()
		after := slices.Clone(p.Before)
		var broken error
		for _, tx := range p.Transfers {
			if broken = after.Apply(tx); broken != nil {
				break
			}
		}
		head, got, err := ledger.Validate(parent, p.Encode())
		if !errors.Is(err, broken) || (err == nil) != (broken == nil) {
			t.Fatalf("%v, and by itself %v", err, broken)
		}
		if err != nil {
			return
		}
		want := ledger.Head{Number: number + 1, State: after.Hash()}.Encode()
		if !bytes.Equal(head, want) || !slices.Equal(got, after) {
			t.Fatal(cmp.Diff(after, got))
		}
	})
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		got, err := ledger.DecodeProof(p.Encode())
		if err != nil || !cmp.Equal(p, got, cmpopts.EquateEmpty()) {
			t.Fatal(err, cmp.Diff(p, got))
		}
		h := ledger.Head{Number: rapid.Uint64().Draw(t, "number"), State: p.Before.Hash()}
		if back, err := ledger.DecodeHead(h.Encode()); err != nil || back != h {
			t.Fatal(err, back)
		}
	})
}

// A block is refused whose state isn't that of the head, that has too many transfers, or that isn't one.
func TestABlockThatIsNotValidHasNoHead(t *testing.T) {
	s := state(map[byte]uint64{1: 1000})
	parent := ledger.Head{Number: 7, State: s.Hash()}.Encode()
	full := ledger.Proof{Before: s}
	for n := range uint64(ledger.MaxTransfers) {
		full.Transfers = append(full.Transfers, transfer(1, 2, 1, n))
	}
	if _, after, err := ledger.Validate(parent, full.Encode()); err != nil || balance(after, 2) != ledger.MaxTransfers {
		t.Fatal(err)
	}
	more := full
	more.Transfers = append(slices.Clone(full.Transfers), transfer(1, 2, 1, ledger.MaxTransfers))
	unordered := ledger.Proof{Before: ledger.State{{Key: account(1)}, {Key: account(1)}}}
	for name, c := range map[string]struct{ parent, proof []byte }{
		"another state":      {parent, ledger.Proof{}.Encode()},
		"too many transfers": {parent, more.Encode()},
		"no proof":           {parent, nil},
		"cut off":            {parent, full.Encode()[:200]},
		"a version to come":  {parent, append([]byte{2}, full.Encode()[1:]...)},
		"an account twice":   {ledger.Head{State: unordered.Before.Hash()}.Encode(), unordered.Encode()},
		"no head":            {parent[1:], full.Encode()},
		"accounts that there aren't": {
			parent, []byte{ledger.Version, 0xff, 0xff, 0xff, 0xff}},
	} {
		if head, _, err := ledger.Validate(c.parent, c.proof); err == nil || head != nil {
			t.Errorf("%s: %x, %v", name, head, err)
		}
	}
}

// FuzzDecodeProof: bytes of anybody's are a proof with just that encoding, or none.
func FuzzDecodeProof(f *testing.F) {
	one := []ledger.Transfer{transfer(1, 2, 1, 0)}
	f.Add(ledger.Proof{Before: state(map[byte]uint64{1: 3, 2: 5}), Transfers: one}.Encode())
	f.Add([]byte{ledger.Version, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ledger.DecodeProof(b); err == nil && !bytes.Equal(p.Encode(), b) {
			t.Error("two encodings of one proof")
		}
	})
}

// FuzzDecodeTransfer is the same for what users post.
func FuzzDecodeTransfer(f *testing.F) {
	f.Add(transfer(1, 2, 3, 4).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if tx, err := ledger.DecodeTransfer(b); err == nil && !bytes.Equal(tx.Encode(), b) {
			t.Error("two encodings of one transfer")
		}
	})
}

// FuzzDecodeHead is the same for heads.
func FuzzDecodeHead(f *testing.F) {
	f.Add(ledger.Head{Number: 1}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := ledger.DecodeHead(b); err == nil && !bytes.Equal(h.Encode(), b) {
			t.Error("two encodings of one head")
		}
	})
}
