package relayvm

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Keys of entries that aren't pieces of the world. None begins with a letter that packages state and txs use.
const (
	keyAuthority = "authority"
	keyBalance   = "balance/"
	keyCode      = "code/"
	keyCodeSize  = "codesize/"
	keyUpload    = "upload/"
	keyPart      = "part/"
)

func balanceKey(account primitives.Hash) string { return keyBalance + string(account[:]) }
func codeKey(hash primitives.Hash) string       { return keyCode + string(hash[:]) }
func codeSizeKey(hash primitives.Hash) string   { return keyCodeSize + string(hash[:]) }
func uploadKey(by, hash primitives.Hash) string { return keyUpload + string(by[:]) + string(hash[:]) }
func codeSize(code []byte) []byte               { return binary.BigEndian.AppendUint64(nil, uint64(len(code))) }
func partKey(by, hash primitives.Hash, at uint32) string {
	return keyPart + string(by[:]) + string(hash[:]) + string(binary.BigEndian.AppendUint32(nil, at))
}

// amount reads an entry that is a number; 0: there is none.
func amount(entry []byte) uint64 {
	if len(entry) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(entry)
}

// balance is what an account has.
func (r *run) balance(account primitives.Hash) (uint64, error) {
	entry, err := r.get(balanceKey(account))
	return amount(entry), err
}

func (r *run) setBalance(account primitives.Hash, balance uint64) {
	if balance == 0 {
		r.state.Delete(balanceKey(account))
		return
	}
	r.state.Put(balanceKey(account), binary.BigEndian.AppendUint64(nil, balance))
}

// pay takes something from an account; why says that it has too little.
func (r *run) pay(from primitives.Hash, price uint64) (why string, err error) {
	has, err := r.balance(from)
	if err != nil {
		return "", err
	}
	if has < price {
		return fmt.Sprintf("it takes %d and the account has %d", price, has), nil
	}
	if price > 0 {
		r.setBalance(from, has-price)
	}
	return "", nil
}

// knows tells of how many bytes a code is that has been uploaded; 0: there is none of this hash.
func (r *run) knows(code primitives.Hash) (size uint64, err error) {
	entry, err := r.get(codeSizeKey(code))
	return amount(entry), err
}

// credit gives something to an account, as much as it can hold.
func (r *run) credit(to primitives.Hash, sum uint64) (why string, err error) {
	has, err := r.balance(to)
	if err != nil {
		return "", err
	}
	if sum > math.MaxUint64-has {
		return "the receiver's balance would be too large", nil
	}
	r.setBalance(to, has+sum)
	return "", nil
}
