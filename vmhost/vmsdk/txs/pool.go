package txs

import (
	"context"
	"encoding/binary"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
)

// Signed is a VM's own type of transaction. It embeds Tx.
type Signed interface {
	vmsdk.Tx
	signed() *Tx
}

// Pool is a Mempool of signed transactions. What waits in it has a good signature and a nonce that isn't used up.
type Pool[T Signed] struct {
	*vmsdk.Mempool[T]
	db         database.Reader // what blocks are built on
	durable    database.Reader // what users may be told
	signatures *signatures
}

// NewPool makes one for the chain's transactions. parse reads one, whatever the bytes are; name is the one that New
// gets.
func NewPool[T Signed](chain *vmsdk.Chain, name string, parse func(raw []byte) (T, error)) *Pool[T] {
	p := &Pool[T]{db: chain.DB, durable: chain.Durable, signatures: newSignatures(name, chain.ID)}
	p.Mempool = vmsdk.NewMempool(chain, 0, vmsdk.Rules[T]{Parse: parse, Next: p.next, Check: p.check})
	return p
}

// next is which nonces are due after the accepted blocks.
func (p *Pool[T]) next(ctx context.Context, senders []string) ([]uint64, error) {
	return nextNonces(ctx, state.New(p.db), senders)
}

// check checks signatures.
func (p *Pool[T]) check(list []T) []error {
	signed := make([]*Tx, len(list))
	for i, tx := range list {
		signed[i] = tx.signed()
	}
	return p.signatures.check(signed)
}

func nextNonces(ctx context.Context, at *state.State, senders []string) ([]uint64, error) {
	keys := make([]string, len(senders))
	for i, sender := range senders {
		keys[i] = accountPrefix + sender
	}
	accounts, err := at.Read(ctx, keys)
	nonces := make([]uint64, len(senders))
	for i, account := range accounts {
		nonces[i] = nextNonce(account)
	}
	return nonces, err
}

// Pick chooses transactions for a block on the one whose state is at: so many at most, and so many bytes with their
// lengths before them. ErrNothingToBuild when none is due.
func (p *Pool[T]) Pick(ctx context.Context, at *state.State, most, mostBytes int) ([]T, error) {
	count, size := 0, 0
	picked, err := p.Mempool.Pick(ctx, func(ctx context.Context, senders []string) ([]uint64, error) {
		return nextNonces(ctx, at, senders)
	}, func(tx T) bool {
		count, size = count+1, size+len(tx.Bytes())+3
		return count <= most && size <= mostBytes
	})
	if err == nil && len(picked) == 0 {
		err = vmsdk.ErrNothingToBuild
	}
	return picked, err
}

// Verify checks the signatures of a block's transactions. Those that wait were checked when they came; the others wait
// from now on, in case the block is rejected.
func (p *Pool[T]) Verify(list []T) error {
	var fresh []T
	var unchecked []*Tx
	for _, tx := range list {
		if _, waits := p.Get(tx.ID()); !waits {
			fresh, unchecked = append(fresh, tx), append(unchecked, tx.signed())
		}
	}
	for _, err := range p.signatures.check(unchecked) {
		if err != nil {
			return err
		}
	}
	p.Checked(fresh...)
	return nil
}

// Accept drops the transactions of an accepted block, and writes down at which height they were accepted.
func (p *Pool[T]) Accept(batch *database.Batch, height uint64, list []T) {
	at := binary.BigEndian.AppendUint64(nil, height)
	next := make(map[string]uint64)
	for _, tx := range list {
		id := tx.ID()
		batch.Put(append([]byte(acceptedKey), id[:]...), at)
		next[tx.Sender()] = tx.Nonce() + 1
	}
	p.Accepted(next)
}
