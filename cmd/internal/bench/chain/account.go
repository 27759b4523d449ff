package chain

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"

	"github.com/reevenet/reeve/vmhost/kvvm"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// account signs transactions of one size, each setting a key of its own.
type account struct {
	chain vmsdk.ID
	key   ed25519.PrivateKey
	name  string
	size  int
	nonce uint64
}

// overhead is what a transaction has beside its key and value.
var overhead = len(kvvm.NewTx(vmsdk.ID{}, kv.NewAccount(), 0, kvvm.Put, nil, nil).Bytes())

func (n *network) newAccount(ctx context.Context, size int) (*account, error) {
	head, err := n.nodes[0].Head(ctx)
	if err != nil {
		return nil, err
	}
	a := &account{chain: head.ChainID, key: kv.NewAccount(), size: size}
	a.name = fmt.Sprintf("%x", a.public()[:6])
	if least := overhead + len(a.name) + 16; size < least {
		return nil, fmt.Errorf("a transaction has at least %d bytes", least)
	}
	return a, nil
}

func (a *account) public() ed25519.PublicKey { return a.key.Public().(ed25519.PublicKey) }

// next signs the account's next transaction, of exactly the account's size.
func (a *account) next() (key string, tx *kvvm.Tx) {
	key = fmt.Sprintf("%s%016x", a.name, a.nonce)
	value := make([]byte, a.size-overhead-len(key))
	for i := range value {
		value[i] = 'x'
	}
	tx = kvvm.NewTx(a.chain, a.key, a.nonce, kvvm.Put, []byte(key), value)
	a.nonce++
	return key, tx
}

// sign signs count transactions as they are posted: each with its length before it.
func (a *account) sign(count int) [][]byte {
	txs := make([][]byte, count)
	for i := range txs {
		_, tx := a.next()
		txs[i] = append(binary.AppendUvarint(nil, uint64(len(tx.Bytes()))), tx.Bytes()...)
	}
	return txs
}

// signAll lets all accounts sign count transactions each, before anything is measured: the client's signatures are not
// the chain's cost.
func signAll(accounts []*account, count int) [][][]byte {
	all := make([][][]byte, len(accounts))
	slots := make(chan struct{}, runtime.NumCPU())
	var group sync.WaitGroup
	for i, a := range accounts {
		group.Go(func() {
			slots <- struct{}{}
			all[i] = a.sign(count)
			<-slots
		})
	}
	group.Wait()
	return all
}
