// Package kvvm is the tutorial VM and the devnet's default: a key-value store whose changes are signed transactions. It is meant to
// be read from top to bottom: vm.go is the VM, block.go the block, state.go what a block changes, tx.go the transaction, http.go
// the way in for users. The mempool and its gossip come from the SDK.
package kvvm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/lthash"
)

// VM is the key-value chain.
type VM struct {
	vmsdk.Base
	chain      *vmsdk.Chain
	pool       *vmsdk.Mempool[*Tx]
	signatures *signatures
	events     events
	head       atomic.Pointer[block]
}

// Version names the VM.
func (*VM) Version() (name, version string) { return "kvvm", "1.0.0" }

// Genesis is the chain's genesis, as JSON. All of it is optional.
type Genesis struct {
	// Time is the genesis block's.
	Time time.Time `json:"time"`
	// State is what the store holds at the beginning.
	State map[string]string `json:"state"`
}

// Initialize goes on at the last accepted block, or makes the genesis block.
func (vm *VM) Initialize(ctx context.Context, chain *vmsdk.Chain, batch *database.Batch) (vmsdk.Block, error) {
	vm.chain = chain
	vm.signatures = newSignatures(chain.ID)
	vm.pool = vmsdk.NewMempool(chain, 0, vm.check)
	b, err := vm.start(ctx, batch)
	if err != nil {
		return nil, err
	}
	vm.head.Store(b)
	return b, nil
}

func (vm *VM) start(ctx context.Context, batch *database.Batch) (*block, error) {
	last := vm.chain.LastAccepted
	if last == nil {
		return vm.genesis(batch)
	}
	b, err := vm.parseBlock(last.Content)
	if err != nil {
		return nil, vmsdk.Corruptf("the last accepted block can't be read: %v", err)
	}
	state, err := vm.chain.DB.Get(ctx, []byte(rootKey))
	if err != nil {
		return nil, fmt.Errorf("the state root can't be read: %w", err)
	}
	root, err := lthash.From(state)
	if err != nil || root.Sum() != b.stateRoot {
		return nil, vmsdk.Corruptf("the database isn't at block %v", b.id.Short())
	}
	b.root = *root
	return b, nil
}

func (vm *VM) genesis(batch *database.Batch) (*block, error) {
	var g Genesis
	if len(vm.chain.Genesis) > 0 {
		d := json.NewDecoder(bytes.NewReader(vm.chain.Genesis))
		d.DisallowUnknownFields()
		if err := d.Decode(&g); err != nil {
			return nil, fmt.Errorf("the chain's genesis isn't what kvvm expects: %w", err)
		}
	}
	v, _ := newView(context.Background(), database.Nothing, &block{}, nil)
	for key, value := range g.State {
		v.set(valuePrefix+key, []byte(value))
	}
	slices.SortFunc(v.order, func(a, b *entry) int { return strings.Compare(a.key, b.key) })
	c := v.finish()
	c.write(batch)
	b := &block{vm: vm, root: c.root, stateRoot: c.root.Sum()}
	if !g.Time.IsZero() {
		b.millis = g.Time.UnixMilli()
	}
	return b.seal(), nil
}

// ParseBlock reads a block.
func (vm *VM) ParseBlock(_ context.Context, content []byte) (vmsdk.Block, error) {
	b, err := vm.parseBlock(content)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// BuildBlock takes what waits, as much as fits.
func (vm *VM) BuildBlock(ctx context.Context, p vmsdk.Block, build vmsdk.BuildContext) (vmsdk.Block, error) {
	parent := p.(*block)
	size := 0
	txs, err := vm.pool.Pick(ctx, vm.nextNonces(parent), func(tx *Tx) bool {
		size += len(tx.raw) + 3
		return size <= maxBlockBytes
	})
	if err != nil {
		return nil, err
	}
	if len(txs) == 0 {
		return nil, vmsdk.ErrNothingToBuild
	}
	b := &block{vm: vm, parentID: parent.id, height: parent.height + 1, millis: max(build.Time.UnixMilli(), parent.millis)}
	b.txs = txs[:min(len(txs), maxBlockTxs)]
	if err := b.execute(ctx, parent); err != nil {
		return nil, err
	}
	b.stateRoot = b.root.Sum()
	return b.seal(), nil
}

// nextNonces reads which nonce is due for each sender after a block.
func (vm *VM) nextNonces(at *block) func(context.Context, []string) ([]uint64, error) {
	return func(ctx context.Context, senders []string) ([]uint64, error) {
		nonces := make([]uint64, len(senders))
		var ask [][]byte
		var where []int
		for i, sender := range senders {
			entry, ok := at.lookUp(noncePrefix + sender)
			nonces[i] = nonceOf(entry)
			if !ok {
				ask, where = append(ask, []byte(noncePrefix+sender)), append(where, i)
			}
		}
		entries, err := vm.chain.DB.GetBatch(ctx, ask)
		for i, entry := range entries {
			nonces[where[i]] = nonceOf(entry)
		}
		return nonces, err
	}
}

// check is what the mempool asks of a transaction: shape, a nonce that isn't used up, and the signature, which costs most and so comes
// last.
func (vm *VM) check(contents [][]byte) ([]*Tx, []error) {
	txs, errs := make([]*Tx, len(contents)), make([]error, len(contents))
	senders := make([]string, len(contents))
	for i, content := range contents {
		if txs[i], errs[i] = ParseTx(content); errs[i] == nil {
			senders[i] = txs[i].sender
		}
	}
	next, err := vm.nextNonces(&block{})(context.Background(), senders)
	var due []*Tx
	var where []int
	for i, tx := range txs {
		switch {
		case errs[i] != nil:
		case err != nil:
			errs[i] = err
		case tx.nonce < next[i]:
			errs[i] = vmsdk.Invalidf("nonce %d is used; the sender's next is %d", tx.nonce, next[i])
		default:
			due, where = append(due, tx), append(where, i)
		}
	}
	for i, invalid := range vm.signatures.check(due) {
		errs[where[i]] = invalid
	}
	return txs, errs
}

// Submit takes signed transactions from users of this node; POST /tx and a simulation's users end up here.
func (vm *VM) Submit(txs ...[]byte) (ids []vmsdk.ID, errs []error) { return vm.pool.Add(txs...) }

// AppGossip takes transactions that another node knows.
func (vm *VM) AppGossip(_ context.Context, _ vmsdk.NodeID, gossip []byte) error {
	return vm.pool.OnGossip(gossip)
}

// CreateHandlers serves users.
func (vm *VM) CreateHandlers(context.Context) (map[string]http.Handler, error) {
	return map[string]http.Handler{"": vm.routes()}, nil
}

// Shutdown ends the streams of those who listen.
func (vm *VM) Shutdown(context.Context) error {
	vm.events.close()
	return nil
}
