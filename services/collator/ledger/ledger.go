// Package ledger is an example of a parachain: accounts with balances, and transfers between them. It is the rules alone,
// which the block producer and the validation code share; it imports nothing but the standard library, so that the code
// stays small, and it believes nothing that it decodes.
//
// A head is 41 bytes: a version, the block's number, and the hash of the state after it. A proof of validity is the state
// before the block and its transfers, so validating needs nothing else; that is why there can't be many accounts.
package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Version of all encodings.
const Version = 1

// The lengths of what is encoded, in bytes.
const (
	HeadSize     = 1 + 8 + sha256.Size
	accountSize  = KeySize + 8 + 8
	TransferSize = KeySize + KeySize + 8 + 8 + ed25519.SignatureSize
	KeySize      = ed25519.PublicKeySize
)

// Limits of what a block costs the validators. All of them together is less than half of the fuel that code has.
const (
	// MaxTransfers is how many a block takes: each costs the check of a signature, 13 million units of fuel, or 10 ms.
	// A block that takes the validators longer than the relay chain takes for one of its own is never included.
	MaxTransfers = 8
	// MaxAccounts is how many accounts there may be: all of them are read and hashed for each block.
	MaxAccounts = 10_000
)

// Account is what belongs to a key.
type Account struct {
	Key     [KeySize]byte
	Balance uint64
	Nonce   uint64 // of the next transfer
}

// State is all accounts, ascending by key.
type State []Account

// Transfer moves an amount. It is signed by From over all that comes before the signature, after Domain.
type Transfer struct {
	From, To  [KeySize]byte
	Amount    uint64
	Nonce     uint64
	Signature [ed25519.SignatureSize]byte
}

// Domain separates a transfer's signature from all others.
const Domain = "reeve ledger transfer\x00"

// Head is the parachain's head.
type Head struct {
	Number uint64
	State  [sha256.Size]byte
}

// Encode is the head's bytes.
func (h Head) Encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{Version}, h.Number)
	return append(b, h.State[:]...)
}

// DecodeHead reads what Encode wrote.
func DecodeHead(b []byte) (Head, error) {
	if len(b) != HeadSize || b[0] != Version {
		return Head{}, fmt.Errorf("a head of %d bytes", len(b))
	}
	return Head{Number: binary.BigEndian.Uint64(b[1:]), State: [sha256.Size]byte(b[9:])}, nil
}

// Encode is the state's bytes.
func (s State) Encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte{Version}, uint32(len(s)))
	for _, a := range s {
		b = append(b, a.Key[:]...)
		b = binary.BigEndian.AppendUint64(b, a.Balance)
		b = binary.BigEndian.AppendUint64(b, a.Nonce)
	}
	return b
}

// Hash is the state's, as a head has it.
func (s State) Hash() [sha256.Size]byte { return sha256.Sum256(s.Encode()) }

// Find is the place of a key's account, or where it would be.
func (s State) Find(key [KeySize]byte) (int, bool) {
	return slices.BinarySearchFunc(s, key, func(a Account, k [KeySize]byte) int { return bytes.Compare(a.Key[:], k[:]) })
}

// Payload is what From signs.
func (t Transfer) Payload() []byte {
	b := append([]byte(Domain), t.From[:]...)
	b = append(b, t.To[:]...)
	b = binary.BigEndian.AppendUint64(b, t.Amount)
	return binary.BigEndian.AppendUint64(b, t.Nonce)
}

// Encode is the transfer's bytes.
func (t Transfer) Encode() []byte {
	return append(t.Payload()[len(Domain):], t.Signature[:]...)
}

// DecodeTransfer reads what Encode wrote.
func DecodeTransfer(b []byte) (t Transfer, err error) {
	if len(b) != TransferSize {
		return t, fmt.Errorf("a transfer has %d bytes, not %d", TransferSize, len(b))
	}
	copy(t.From[:], b)
	copy(t.To[:], b[KeySize:])
	t.Amount = binary.BigEndian.Uint64(b[2*KeySize:])
	t.Nonce = binary.BigEndian.Uint64(b[2*KeySize+8:])
	copy(t.Signature[:], b[2*KeySize+16:])
	return t, nil
}

// What makes a transfer invalid.
var (
	ErrSignature = errors.New("the signature isn't that of the account")
	ErrFunds     = errors.New("the account hasn't got so much")
	ErrNonce     = errors.New("it isn't the account's next transfer")
	ErrAccounts  = errors.New("there are as many accounts as there may be: pay to one that there is")
)

// Apply makes a transfer, on a state that it changes. An error leaves the state as it was.
func (s *State) Apply(t Transfer) error {
	at, known := s.Find(t.From)
	_, payee := s.Find(t.To)
	switch {
	case !known || (*s)[at].Balance < t.Amount:
		return ErrFunds
	case (*s)[at].Nonce != t.Nonce:
		return ErrNonce
	case !payee && len(*s) >= MaxAccounts:
		return ErrAccounts
	case !ed25519.Verify(t.From[:], t.Payload(), t.Signature[:]):
		return ErrSignature
	}
	(*s)[at].Balance -= t.Amount
	(*s)[at].Nonce++
	to, known := s.Find(t.To)
	if !known {
		*s = slices.Insert(*s, to, Account{Key: t.To})
	}
	(*s)[to].Balance += t.Amount // all balances together were counted at the genesis
	return nil
}

// Proof is the proof of validity of a block: the state before it, and its transfers.
type Proof struct {
	Before    State
	Transfers []Transfer
}

// Encode is the proof's bytes.
func (p Proof) Encode() []byte {
	b := p.Before.Encode()
	for _, t := range p.Transfers {
		b = append(b, t.Encode()...)
	}
	return b
}

// DecodeProof reads what Encode wrote, from whomever.
func DecodeProof(b []byte) (p Proof, err error) {
	if len(b) < 5 || b[0] != Version {
		return p, errors.New("not a proof")
	}
	n, rest := uint64(binary.BigEndian.Uint32(b[1:])), b[5:]
	if n*accountSize > uint64(len(rest)) || (uint64(len(rest))-n*accountSize)%TransferSize != 0 {
		return p, errors.New("a proof that is cut off")
	}
	for range n {
		a := Account{Key: [KeySize]byte(rest), Balance: binary.BigEndian.Uint64(rest[KeySize:]),
			Nonce: binary.BigEndian.Uint64(rest[KeySize+8:])}
		if k := len(p.Before); k > 0 && bytes.Compare(p.Before[k-1].Key[:], a.Key[:]) >= 0 {
			return p, errors.New("accounts out of order")
		}
		p.Before, rest = append(p.Before, a), rest[accountSize:]
	}
	for ; len(rest) > 0; rest = rest[TransferSize:] {
		t, err := DecodeTransfer(rest[:TransferSize])
		if err != nil {
			return p, err
		}
		p.Transfers = append(p.Transfers, t)
	}
	return p, nil
}

// Validate judges a block: what the head after it is, or why there is none.
func Validate(parent []byte, proof []byte) (head []byte, after State, err error) {
	before, err := DecodeHead(parent)
	if err != nil {
		return nil, nil, err
	}
	p, err := DecodeProof(proof)
	switch {
	case err != nil:
		return nil, nil, err
	case p.Before.Hash() != before.State:
		return nil, nil, errors.New("the state isn't that of the head before")
	case len(p.Transfers) > MaxTransfers:
		return nil, nil, fmt.Errorf("%d transfers, at most %d are allowed", len(p.Transfers), MaxTransfers)
	}
	after = p.Before
	for i, t := range p.Transfers {
		if err := after.Apply(t); err != nil {
			return nil, nil, fmt.Errorf("transfer %d: %w", i, err)
		}
	}
	return Head{Number: before.Number + 1, State: after.Hash()}.Encode(), after, nil
}
